package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type verdict struct {
	RunID  string `json:"run_id"`
	Events int    `json:"events"`
	Whole  bool   `json:"whole"`
	Fault  string `json:"fault"`
}

// verify reads the journal from its beginning to where it ends now, and checks one run's chain:
// the first event names 32 bytes of zero, each later one the SHA-256 of the value before it.
func verify(ctx context.Context, brokers []string, w *wire, runID string) (*verdict, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// A commit takes an offset too. Kept, they say how far everything was read.
		kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	left, err := toRead(ctx, client)
	if err != nil {
		return nil, err
	}
	found, before := &verdict{RunID: runID}, make([]byte, sha256.Size)
	for len(left) > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return nil, err
		}
		for _, record := range fetched.Records() {
			if record.Offset+1 >= left[record.Partition] {
				delete(left, record.Partition)
			}
			if string(record.Key) != runID || record.Attrs.IsControl() || found.Fault != "" {
				continue
			}
			if err := found.follow(w, record.Value, before); err != nil {
				return nil, err
			}
			digest := sha256.Sum256(record.Value)
			before = digest[:]
		}
	}
	if found.Events == 0 {
		found.Fault = "the journal has no event of this run"
	}
	found.Whole = found.Fault == ""
	return found, nil
}

// toRead begins to read every partition that has something, and returns where each ends.
func toRead(ctx context.Context, client *kgo.Client) (map[int32]int64, error) {
	admin, topic := kadm.NewClient(client), topicOf("runs.events")
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	ends, err := admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	left, from := map[int32]int64{}, map[int32]kgo.Offset{}
	for partition, start := range starts.KOffsets()[topic] {
		if end, _ := ends.Lookup(topic, partition); end.Offset > start.EpochOffset().Offset {
			left[partition], from[partition] = end.Offset, start
		}
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: from})
	return left, nil
}

func (found *verdict) follow(w *wire, value, before []byte) error {
	name, fields, err := w.decode(value)
	if err != nil {
		return err
	}
	found.Events++
	meta, _ := fields["meta"].(map[string]any)
	named, _ := meta["prev_hash"].([]byte)
	if !bytes.Equal(named, before) || meta["seq"] != int64(found.Events) {
		found.Fault = fmt.Sprintf(
			"event %d (%s) does not follow the one before it", found.Events, name)
	}
	return nil
}
