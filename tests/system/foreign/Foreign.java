import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
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
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A stranger to Runfold: it knows the topics, the folder of schemas and the five-byte prefix.
 *
 * <p>{@code Foreign publish BROKERS SCHEMAS AGENT GOAL} requests a run; {@code Foreign read BROKERS
 * SCHEMAS TOPIC} prints every committed record, one JSON object a line.
 */
public final class Foreign {
  private static final int PREFIX = 5;
  private static final HexFormat HEX = HexFormat.of();
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final Path folder;
  private final Map<Integer, Path> files = new HashMap<>();
  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<Integer, Schema> schemas = new HashMap<>();

  private Foreign(Path folder) throws IOException {
    this.folder = folder;
    for (String line : Files.readAllLines(folder.resolve("ids.lock"))) {
      String[] words = line.split("\\s+");
      if (!line.startsWith("#") && words.length >= 3) {
        int id = Integer.parseInt(words[2]);
        files.put(id, folder.resolve(words[0]).resolve(words[1] + ".avsc"));
        ids.put(words[0], id);
      }
    }
  }

  public static void main(String[] words) throws Exception {
    Foreign foreign = new Foreign(Path.of(words[2]));
    if (words[0].equals("publish")) {
      foreign.publish(words[1], words[3], words[4]);
    } else {
      foreign.read(words[1], words[3]);
    }
  }

  private Schema schema(int id) throws IOException {
    Schema known = schemas.get(id);
    if (known == null) {
      known = new Schema.Parser().parse(Files.readString(files.get(id)));
      schemas.put(id, known);
    }
    return known;
  }

  private void publish(String brokers, String agent, String goal) throws Exception {
    int id = ids.get("runs.requests-runfold.RunRequested");
    Schema schema = schema(id);
    byte[] said = goal.getBytes(StandardCharsets.UTF_8);
    GenericRecord content =
        new GenericRecordBuilder(schema.getField("goal").schema())
            .set("media_type", "text/plain")
            .set("size", (long) said.length)
            .set("digest", ByteBuffer.wrap(sha256(said)))
            .set("inline", ByteBuffer.wrap(said))
            .build();
    String run = uuid7();
    Instant now = Instant.now();
    GenericRecord request =
        new GenericRecordBuilder(schema)
            .set("run_id", run)
            .set("tenant_id", "foreign")
            .set("user_id", "stranger")
            .set("agent", agent)
            .set("goal", content)
            .set("requested_at", now.getEpochSecond() * 1_000_000 + now.getNano() / 1000)
            .build();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write(ByteBuffer.allocate(PREFIX).put((byte) 0).putInt(id).array());
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
    new GenericDatumWriter<GenericRecord>(schema).write(request, encoder);
    encoder.flush();
    Properties settings = new Properties();
    settings.put("bootstrap.servers", brokers);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      byte[] key = run.getBytes(StandardCharsets.UTF_8);
      RecordMetadata placed =
          producer.send(new ProducerRecord<>("runs.requests", key, bytes.toByteArray())).get();
      print(JSON.objectNode().put("run_id", run).put("partition", placed.partition()));
    }
  }

  private void read(String brokers, String topic) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", brokers);
    settings.put("isolation.level", "read_committed");
    settings.put("auto.offset.reset", "earliest");
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> places =
          consumer.partitionsFor(topic).stream()
              .map(one -> new TopicPartition(topic, one.partition()))
              .toList();
      consumer.assign(places);
      Map<TopicPartition, Long> ends = consumer.endOffsets(places);
      Map<String, byte[]> chains = new HashMap<>();
      while (places.stream().anyMatch(one -> consumer.position(one) < ends.get(one))) {
        for (ConsumerRecord<byte[], byte[]> found : consumer.poll(Duration.ofMillis(200))) {
          print(described(found, chains));
        }
      }
    }
  }

  private ObjectNode described(ConsumerRecord<byte[], byte[]> found, Map<String, byte[]> chains)
      throws Exception {
    byte[] value = found.value();
    Schema schema = schema(ByteBuffer.wrap(value, 1, 4).getInt());
    BinaryDecoder decoder =
        DecoderFactory.get().binaryDecoder(value, PREFIX, value.length - PREFIX, null);
    GenericRecord record = new GenericDatumReader<GenericRecord>(schema).read(null, decoder);
    ObjectNode line = JSON.objectNode();
    line.put("partition", found.partition()).put("offset", found.offset());
    line.put("type", schema.getName()).put("sha256", HEX.formatHex(sha256(value)));
    line.put("left", decoder.isEnd() ? 0 : 1);
    if (schema.getField("meta") != null) {
      String run = ((GenericRecord) record.get("meta")).get("run_id").toString();
      ByteBuffer named = (ByteBuffer) ((GenericRecord) record.get("meta")).get("prev_hash");
      byte[] before = chains.getOrDefault(run, new byte[32]);
      line.put("follows", Arrays.equals(before, bytes(named)));
      chains.put(run, sha256(value));
    }
    line.set("record", plain(schema, record));
    return line;
  }

  private static JsonNode plain(Schema schema, Object value) {
    switch (schema.getType()) {
      case RECORD:
        ObjectNode fields = JSON.objectNode();
        for (Schema.Field field : schema.getFields()) {
          fields.set(field.name(), plain(field.schema(), ((GenericRecord) value).get(field.pos())));
        }
        return fields;
      case ARRAY:
        ArrayNode items = JSON.arrayNode();
        ((List<?>) value).forEach(item -> items.add(plain(schema.getElementType(), item)));
        return items;
      case UNION:
        return plain(schema.getTypes().get(GenericData.get().resolveUnion(schema, value)), value);
      case BYTES:
        if (schema.getLogicalType() instanceof LogicalTypes.Decimal decimal) {
          BigInteger unscaled = new BigInteger(bytes((ByteBuffer) value));
          return JSON.textNode(new BigDecimal(unscaled, decimal.getScale()).toPlainString());
        }
        return JSON.textNode(HEX.formatHex(bytes((ByteBuffer) value)));
      case NULL:
        return JSON.nullNode();
      case BOOLEAN:
        return JSON.booleanNode((Boolean) value);
      case INT:
      case LONG:
        return JSON.numberNode(((Number) value).longValue());
      case FLOAT:
      case DOUBLE:
        return JSON.numberNode(((Number) value).doubleValue());
      default:
        return JSON.textNode(value.toString());
    }
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] copy = new byte[buffer.remaining()];
    buffer.duplicate().get(copy);
    return copy;
  }

  private static byte[] sha256(byte[] value) throws Exception {
    return MessageDigest.getInstance("SHA-256").digest(value);
  }

  private static String uuid7() {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    long head = System.currentTimeMillis() << 16 | 0x7000 | random.nextInt(0x1000);
    long tail = random.nextLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L;
    return new UUID(head, tail).toString();
  }

  private static void print(JsonNode line) throws IOException {
    System.out.println(new ObjectMapper().writeValueAsString(line));
  }
}
