package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type decided struct {
	ended
	Approved int `json:"approved"`
}

// decide asks for a run over Kafka, follows its events, and approves what waits for a person.
func decide(ctx context.Context, brokers []string, w *wire, agent, goal string) (*decided, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return nil, err
	}
	defer client.Close()

	// 1. Where the journal ends now: the events of this run come behind it.
	journal := topicOf("runs.events")
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, journal)
	if err != nil {
		return nil, err
	}

	// 2. Ask.
	runID := uuid7()
	asked, err := send(ctx, client, w, "runs.requests", "RunRequested", request(runID, agent, goal))
	if err != nil {
		return nil, err
	}

	// 3. Follow, at the one partition of this run: topics of runs have the same partitions.
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{
		journal: {asked.Partition: ends.KOffsets()[journal][asked.Partition]},
	})
	found := &decided{}
	for {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return nil, err
		}
		for _, record := range fetched.Records() {
			if string(record.Key) != runID {
				continue
			}
			name, fields, err := w.decode(record.Value)
			if err != nil {
				return nil, err
			}
			switch name {
			case "ApprovalRequested":
				// 4. Approve, with the digest of what was asked: nothing else is approved.
				if _, err := send(ctx, client, w, "runs.controls", "ApproveToolCall",
					approval(runID, fields)); err != nil {
					return nil, err
				}
			case "ToolCallApproved":
				if fields["request_id"] != nil {
					found.Approved++
				}
			case "RunCompleted", "RunFailed", "RunCancelled", "RunRefused":
				last, err := completion(w, runID, record.Value)
				if err != nil {
					return nil, err
				}
				found.ended = *last
				return found, nil
			}
		}
	}
}

func approval(runID string, asked map[string]any) map[string]any {
	shown, _ := asked["shown_digest"].([]byte)
	return map[string]any{
		// A request that is sent again with the same id changes nothing.
		"request_id":   fmt.Sprintf("approve-%v", asked["call_id"]),
		"run_id":       runID,
		"tenant_id":    tenant(),
		"actor_id":     "go",
		"requested_at": time.Now(),
		"roles":        []string{},
		"call_id":      asked["call_id"],
		"comment":      "seen by a program",
		"shown_digest": shown,
	}
}

func send(ctx context.Context, client *kgo.Client, w *wire, topic, name string,
	fields map[string]any) (*kgo.Record, error) {
	value, err := w.encode(topic+"-runfold."+name, fields)
	if err != nil {
		return nil, err
	}
	key, _ := fields["run_id"].(string)
	record := &kgo.Record{Topic: topicOf(topic), Key: []byte(key), Value: value}
	return record, client.ProduceSync(ctx, record).FirstErr()
}
