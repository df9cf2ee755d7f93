package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type ended struct {
	RunID    string `json:"run_id"`
	Type     string `json:"type"`
	Status   any    `json:"status"`
	ExitCode any    `json:"exit_code"`
	Result   string `json:"result"`
}

func run(ctx context.Context, brokers []string, w *wire, agent, goal string) (*ended, error) {
	// The default partitioner places keys as Java does.
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return nil, err
	}
	defer client.Close()

	// 1. Where completions end now: the one of this run comes behind it.
	completions := topicOf("runs.completions")
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, completions)
	if err != nil {
		return nil, err
	}

	// 2. Ask. The key is the run's id; no header is needed.
	runID := uuid7()
	value, err := w.encode("runs.requests-runfold.RunRequested", request(runID, agent, goal))
	if err != nil {
		return nil, err
	}
	asked := &kgo.Record{Topic: topicOf("runs.requests"), Key: []byte(runID), Value: value}
	if err := client.ProduceSync(ctx, asked).FirstErr(); err != nil {
		return nil, err
	}

	// 3. Wait, at the one partition where it comes: topics of runs have the same partitions.
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{
		completions: {asked.Partition: ends.KOffsets()[completions][asked.Partition]},
	})
	for {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return nil, err
		}
		for _, record := range fetched.Records() {
			if string(record.Key) == runID {
				return completion(w, runID, record.Value)
			}
		}
	}
}

func request(runID, agent, goal string) map[string]any {
	digest := sha256.Sum256([]byte(goal))
	return map[string]any{
		"run_id":    runID,
		"tenant_id": tenant(),
		"user_id":   "go",
		"agent":     agent,
		"goal": map[string]any{
			"media_type": "text/plain",
			"size":       int64(len(goal)),
			"digest":     digest[:],
			"inline":     []byte(goal),
		},
		"requested_at": time.Now(),
	}
}

// tenant is whose runs these are.
func tenant() string {
	if named := os.Getenv("RUNFOLD_TENANT"); named != "" {
		return named
	}
	return "examples"
}

func completion(w *wire, runID string, value []byte) (*ended, error) {
	name, fields, err := w.decode(value)
	if err != nil {
		return nil, err
	}
	said := &ended{RunID: runID, Type: name}
	if exit, ok := fields["exit"].(map[string]any); ok {
		said.Status, said.ExitCode = exit["status"], exit["exit_code"]
		if payload, ok := exit["payload"].(map[string]any); ok {
			said.Result = fmt.Sprintf("%s", payload["inline"])
		}
	}
	return said, nil
}

// uuid7 returns an id for a run: Runfold takes one of the last hour, and reads its time from it.
func uuid7() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	now := time.Now().UnixMilli()
	for at := range 6 {
		b[at] = byte(now >> (40 - 8*at))
	}
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
