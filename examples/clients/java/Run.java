import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Asks for a run and waits for its end: {@code Run.java BROKERS SCHEMAS AGENT GOAL}. With {@code
 * approve} behind it, it follows the run's events, and approves what waits for a person.
 */
public final class Run {
  private static final String COMPLETIONS = topicOf("runs.completions");
  private static final String JOURNAL = topicOf("runs.events");
  private static final String TENANT =
      System.getenv().getOrDefault("RUNFOLD_TENANT", "examples");
  private static final int PREFIX = 5;

  private final Map<Integer, Path> files = new HashMap<>();
  private final Map<String, Integer> newest = new HashMap<>();

  public static void main(String[] words) throws Exception {
    boolean approves = words.length == 5 && words[4].equals("approve");
    if (words.length != 4 && !approves) {
      throw new IllegalArgumentException("say BROKERS SCHEMAS AGENT GOAL [approve]");
    }
    System.out.println(new Run(Path.of(words[1])).run(words[0], words[2], words[3], approves));
  }

  /** Knows the schemas of a folder {@code schemas} by the ids of its {@code ids.lock}. */
  private Run(Path folder) throws Exception {
    for (String line : Files.readAllLines(folder.resolve("ids.lock"))) {
      String[] words = line.split("\\s+");
      if (!line.startsWith("#") && words.length >= 3) {
        int id = Integer.parseInt(words[2]);
        files.put(id, folder.resolve(words[0]).resolve(words[1] + ".avsc"));
        newest.put(words[0], id);
      }
    }
  }

  private String run(String brokers, String agent, String goal, boolean approves)
      throws Exception {
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", brokers,
            "isolation.level", "read_committed",
            "auto.offset.reset", "none");
    String run = uuid7();
    try (var consumer =
            new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer());
        var producer =
            new KafkaProducer<>(
                Map.<String, Object>of("bootstrap.servers", brokers),
                new StringSerializer(),
                new ByteArraySerializer())) {
      // 1. Where completions and the journal end now: what comes of this run is behind it.
      List<TopicPartition> places =
          (approves ? List.of(COMPLETIONS, JOURNAL) : List.of(COMPLETIONS))
              .stream()
                  .flatMap(topic -> consumer.partitionsFor(topic).stream())
                  .map(each -> new TopicPartition(each.topic(), each.partition()))
                  .toList();
      Map<TopicPartition, Long> ends = consumer.endOffsets(places);

      // 2. Ask. The key is the run's id; no header is needed.
      byte[] value = encode("runs.requests-runfold.RunRequested", run, agent, goal);
      int partition =
          producer.send(new ProducerRecord<>(topicOf("runs.requests"), run, value)).get().partition();

      // 3. Wait, at the one partition where it comes: topics of runs have the same partitions.
      consumer.assign(places.stream().filter(each -> each.partition() == partition).toList());
      consumer.assignment().forEach(each -> consumer.seek(each, ends.get(each)));
      int approved = 0;
      Instant until = Instant.now().plusSeconds(120);
      while (Instant.now().isBefore(until)) {
        for (ConsumerRecord<String, byte[]> found : consumer.poll(Duration.ofMillis(500))) {
          if (!run.equals(found.key())) {
            continue;
          }
          if (found.topic().equals(COMPLETIONS)) {
            return told(run, found.value(), approves ? approved : null);
          }
          // 4. Approve what is asked, once for each question.
          GenericRecord event = read(found.value());
          if (event.getSchema().getName().equals("ApprovalRequested")) {
            byte[] control = approval(run, event);
            producer.send(new ProducerRecord<>(topicOf("runs.controls"), run, control)).get();
            approved++;
          }
        }
      }
      throw new IllegalStateException("run " + run + " has not ended after two minutes");
    }
  }

  /** What the brokers call a topic: a deployment that has a name has it before each of its own. */
  private static String topicOf(String name) {
    String deployment = System.getenv().getOrDefault("RUNFOLD_DEPLOYMENT", "");
    return deployment.isEmpty() ? name : deployment + "." + name;
  }

  /** The byte 0, the id of the schema (4 bytes, big endian), Avro binary. */
  private byte[] encode(String subject, String run, String agent, String goal) throws Exception {
    int id = newest.get(subject);
    Schema schema = schema(id);
    byte[] said = goal.getBytes(StandardCharsets.UTF_8);
    GenericRecord content =
        new GenericRecordBuilder(schema.getField("goal").schema())
            .set("media_type", "text/plain")
            .set("size", (long) said.length)
            .set("digest", ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(said)))
            .set("inline", ByteBuffer.wrap(said))
            .build();
    GenericRecord request =
        new GenericRecordBuilder(schema)
            .set("run_id", run)
            .set("tenant_id", TENANT)
            .set("user_id", "java")
            .set("agent", agent)
            .set("goal", content)
            .set("requested_at", System.currentTimeMillis() * 1000)
            .build();
    return written(id, request);
  }

  /** Approves a call with the digest of what was asked: nothing else is approved. */
  private byte[] approval(String run, GenericRecord asked) throws Exception {
    int id = newest.get("runs.controls-runfold.ApproveToolCall");
    GenericRecord control =
        new GenericRecordBuilder(schema(id))
            .set("request_id", UUID.randomUUID().toString())
            .set("run_id", run)
            .set("tenant_id", TENANT)
            .set("actor_id", "java")
            .set("requested_at", System.currentTimeMillis() * 1000)
            .set("call_id", asked.get("call_id").toString())
            .set("comment", "seen by a program")
            .set("shown_digest", asked.get("shown_digest"))
            .build();
    return written(id, control);
  }

  private static byte[] written(int id, GenericRecord record) throws Exception {
    ByteArrayOutputStream value = new ByteArrayOutputStream();
    value.write(ByteBuffer.allocate(PREFIX).put((byte) 0).putInt(id).array());
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(value, null);
    new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
    encoder.flush();
    return value.toByteArray();
  }

  private GenericRecord read(byte[] value) throws Exception {
    Schema schema = schema(ByteBuffer.wrap(value, 1, 4).getInt());
    BinaryDecoder decoder =
        DecoderFactory.get().binaryDecoder(value, PREFIX, value.length - PREFIX, null);
    return new GenericDatumReader<GenericRecord>(schema).read(null, decoder);
  }

  private String told(String run, byte[] value, Integer approved) throws Exception {
    GenericRecord ended = read(value);
    Schema schema = ended.getSchema();
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("run_id", run);
    said.put("type", schema.getName());
    if (schema.getField("exit") != null) {
      GenericRecord exit = (GenericRecord) ended.get("exit");
      said.put("status", exit.get("status").toString());
      said.put("exit_code", exit.get("exit_code"));
      if (exit.get("payload") instanceof GenericRecord payload
          && payload.get("inline") instanceof ByteBuffer inline) {
        said.put("result", StandardCharsets.UTF_8.decode(inline).toString());
      }
    }
    if (approved != null) {
      said.put("approved", approved);
    }
    return new ObjectMapper().writeValueAsString(said);
  }

  private Schema schema(int id) throws Exception {
    Path file = files.get(id);
    if (file == null) {
      throw new IllegalStateException("schema " + id + " is not in ids.lock: take newer schemas");
    }
    return new Schema.Parser().parse(Files.readString(file));
  }

  /** An id for a run: Runfold takes one of the last hour, and reads the run's time from it. */
  private static String uuid7() {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    long head = System.currentTimeMillis() << 16 | 0x7000 | random.nextInt(0x1000);
    long tail = random.nextLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L;
    return new UUID(head, tail).toString();
  }
}
