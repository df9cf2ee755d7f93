// Asks for a run and waits for its end, verifies the chain of a run, or asks for a run, follows it,
// and approves what waits for a person: decide does so over Kafka, approve over HTTP.
//
//	client run BROKERS SCHEMAS AGENT GOAL
//	client decide BROKERS SCHEMAS AGENT GOAL
//	client verify BROKERS SCHEMAS RUN_ID
//	client approve URL KEY AGENT GOAL
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	said, err := work(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	line, _ := json.Marshal(said)
	fmt.Println(string(line))
}

func work(ctx context.Context, words []string) (any, error) {
	if len(words) < 4 {
		return nil, fmt.Errorf("say run BROKERS SCHEMAS AGENT GOAL, or verify BROKERS SCHEMAS RUN_ID")
	}
	if words[0] == "approve" && len(words) > 4 {
		return gateway{words[1], words[2]}.approve(ctx, words[3], strings.Join(words[4:], " "))
	}
	wire, err := openWire(words[2])
	if err != nil {
		return nil, err
	}
	brokers := strings.Split(words[1], ",")
	if words[0] == "verify" {
		return verify(ctx, brokers, wire, words[3])
	}
	if words[0] == "decide" && len(words) > 4 {
		return decide(ctx, brokers, wire, words[3], strings.Join(words[4:], " "))
	}
	return run(ctx, brokers, wire, words[3], strings.Join(words[4:], " "))
}
