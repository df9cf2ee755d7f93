package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type followed struct {
	RunID    string `json:"run_id"`
	Status   string `json:"status"`
	Approved int    `json:"approved"`
	Events   int64  `json:"events"`
	ExitCode *int   `json:"exit_code"`
}

type event struct {
	Seq  int64          `json:"seq"`
	Type string         `json:"type"`
	Fact map[string]any `json:"fact"`
}

// gateway is where a run is asked for over HTTP.
type gateway struct{ url, key string }

// approve asks for a run, follows it to its end, and approves what waits for a person.
func (g gateway) approve(ctx context.Context, agent, goal string) (*followed, error) {
	// 1. Ask. With the same key it is one run, however often it has to be sent.
	once := http.Header{"Idempotency-Key": {strconv.Quote(uuid7())}}
	found := &followed{}
	body := map[string]any{"agent": agent, "goal": goal}
	if err := g.sent(ctx, "POST", "/runs", body, once, found); err != nil {
		return nil, err
	}

	// 2. Follow, from the last event that is known: a stream that is lost goes on there.
	for last := ""; !ends(last); {
		err := g.follow(ctx, found, func(each event) error {
			found.Events, last = each.Seq, each.Type
			if each.Type != "ApprovalRequested" {
				return nil
			}
			// 3. Approve. A control that may have arrived is not sent again.
			outcome := struct{ Applied bool }{}
			said := map[string]any{"call_id": each.Fact["call_id"]}
			answer, err := g.ask(ctx, "POST", "/runs/"+found.RunID+"/approve", said, nil)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if err := json.NewDecoder(answer.Body).Decode(&outcome); err != nil {
				return err
			}
			if outcome.Applied {
				found.Approved++
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	seen := struct {
		Status string
		Exit   struct {
			Code *int `json:"exit_code"`
		}
	}{}
	err := g.sent(ctx, "GET", "/runs/"+found.RunID, nil, nil, &seen)
	found.Status, found.ExitCode = seen.Status, seen.Exit.Code
	return found, err
}

func ends(kind string) bool {
	return kind == "RunCompleted" || kind == "RunFailed" || kind == "RunCancelled" || kind == "RunRefused"
}

func (g gateway) follow(ctx context.Context, run *followed, take func(event) error) error {
	head := http.Header{
		"Accept":        {"text/event-stream"},
		"Last-Event-ID": {strconv.FormatInt(run.Events, 10)},
	}
	answer, err := g.ask(ctx, "GET", "/runs/"+run.RunID+"/events", nil, head)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the stream answered %s", answer.Status)
	}
	lines := bufio.NewReader(answer.Body)
	for {
		line, err := lines.ReadString('\n')
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			each := event{}
			if err := json.Unmarshal([]byte(data), &each); err != nil {
				return err
			}
			if err := take(each); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// sent sends what may be sent twice, until it is answered or a problem says that nothing helps.
func (g gateway) sent(
	ctx context.Context, method, path string, body any, head http.Header, into any,
) error {
	for left := 5; ; left-- {
		answer, err := g.ask(ctx, method, path, body, head)
		if err != nil {
			return err
		}
		said, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			return err
		}
		if answer.StatusCode < 300 {
			return json.Unmarshal(said, into)
		}
		problem := struct {
			Code, Detail string
			Retryable    bool
		}{}
		_ = json.Unmarshal(said, &problem)
		if left == 1 || !problem.Retryable {
			return fmt.Errorf("%s (%s): %s", answer.Status, problem.Code, problem.Detail)
		}
		seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if err != nil {
			seconds = 1
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(min(seconds, 30)) * time.Second):
		}
	}
}

func (g gateway) ask(
	ctx context.Context, method, path string, body any, head http.Header,
) (*http.Response, error) {
	said, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if body == nil {
		said = nil
	}
	request, err := http.NewRequestWithContext(ctx, method, g.url+path, bytes.NewReader(said))
	if err != nil {
		return nil, err
	}
	request.Header = head.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Authorization", "Bearer "+g.key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return http.DefaultClient.Do(request)
}
