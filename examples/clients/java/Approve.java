import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Asks for a run over HTTP, follows it to its end, and approves what waits for a person: {@code
 * Approve.java URL KEY AGENT GOAL}.
 */
public final class Approve {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> LAST =
      List.of("RunCompleted", "RunFailed", "RunCancelled", "RunRefused");
  private static final int TRIES = 5;

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(10))
          .build();
  private final String url;
  private final String key;

  private Approve(String url, String key) {
    this.url = url;
    this.key = key;
  }

  public static void main(String[] words) throws Exception {
    if (words.length != 4) {
      throw new IllegalArgumentException("say URL KEY AGENT GOAL");
    }
    Map<String, Object> said = new Approve(words[0], words[1]).run(words[2], words[3]);
    System.out.println(JSON.writeValueAsString(said));
  }

  private Map<String, Object> run(String agent, String goal) throws Exception {
    // 1. Ask. With the same key it is one run, however often it has to be sent.
    String once = UUID.randomUUID().toString();
    JsonNode accepted =
        sent(
            () ->
                post("/runs", Map.of("agent", agent, "goal", goal))
                    .header("Idempotency-Key", '"' + once + '"'));
    String run = accepted.get("run_id").asText();

    // 2. Follow, from the last event that is known: a stream that is lost goes on there.
    int approved = 0;
    long seen = 0;
    for (String last = ""; !LAST.contains(last); ) {
      HttpRequest request =
          to("/runs/" + run + "/events")
              .header("Accept", "text/event-stream")
              .header("Last-Event-ID", Long.toString(seen))
              .build();
      HttpResponse<Stream<String>> stream = http.send(request, BodyHandlers.ofLines());
      if (stream.statusCode() != 200) {
        throw new IllegalStateException("the stream answered " + stream.statusCode());
      }
      try (Stream<String> lines = stream.body()) {
        for (Iterator<String> each = lines.iterator(); each.hasNext(); ) {
          String line = each.next();
          if (!line.startsWith("data: ")) {
            continue;
          }
          JsonNode event = JSON.readTree(line.substring(6));
          seen = event.get("seq").asLong();
          last = event.get("type").asText();
          // 3. Approve. A control that may have arrived is not sent again.
          if (last.equals("ApprovalRequested")) {
            Map<String, String> body = Map.of("call_id", event.at("/fact/call_id").asText());
            HttpRequest approval = post("/runs/" + run + "/approve", body).build();
            JsonNode outcome = JSON.readTree(http.send(approval, BodyHandlers.ofString()).body());
            approved += outcome.path("applied").asBoolean() ? 1 : 0;
          }
        }
      }
    }
    JsonNode found = sent(() -> to("/runs/" + run));
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("run_id", run);
    said.put("status", found.get("status").asText());
    said.put("approved", approved);
    said.put("events", seen);
    said.put("exit_code", found.at("/exit/exit_code").asInt());
    return said;
  }

  private interface Ask {
    HttpRequest.Builder make() throws Exception;
  }

  /** Sends what may be sent twice, until it is answered or a problem says that nothing helps. */
  private JsonNode sent(Ask ask) throws Exception {
    for (int left = TRIES; ; left--) {
      HttpResponse<String> answer = http.send(ask.make().build(), BodyHandlers.ofString());
      JsonNode said = JSON.readTree(answer.body());
      if (answer.statusCode() < 300) {
        return said;
      }
      if (left == 1 || !said.path("retryable").asBoolean()) {
        throw new IllegalStateException(said.path("code").asText() + ": " + said.path("detail"));
      }
      long seconds = answer.headers().firstValueAsLong("Retry-After").orElse(1);
      Thread.sleep(1000 * Math.min(seconds, 30));
    }
  }

  private HttpRequest.Builder post(String path, Object body) throws Exception {
    return to(path)
        .header("Content-Type", "application/json")
        .POST(BodyPublishers.ofString(JSON.writeValueAsString(body)));
  }

  private HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(URI.create(url + path)).header("Authorization", "Bearer " + key);
  }
}
