import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metadata.PartitionRecord;
import org.apache.kafka.common.metadata.TopicRecord;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.image.MetadataDelta;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.image.MetadataProvenance;
import org.apache.kafka.metadata.MetadataCache;
import org.apache.kafka.server.common.KRaftVersion;

/** Asks a broker's own metadata where the leader of a partition is that exists and has none. */
public class Leaderless {
    public static void main(String[] arguments) throws Exception {
        MetadataDelta delta = new MetadataDelta.Builder().setImage(MetadataImage.EMPTY).build();
        Uuid topic = Uuid.randomUuid();
        Uuid folder = Uuid.randomUuid();
        delta.replay(new TopicRecord().setName("journal").setTopicId(topic));
        delta.replay(new PartitionRecord().setTopicId(topic).setPartitionId(0)
            .setReplicas(List.of(1)).setDirectories(List.of(folder)).setIsr(List.of(1))
            .setLeader(-1));
        MetadataImage image = delta.apply(MetadataProvenance.EMPTY);
        Supplier<KRaftVersion> version = () -> KRaftVersion.KRAFT_VERSION_1;
        Class<?> kind = cache();
        MetadataCache cache = (MetadataCache) kind.getConstructor(int.class, Supplier.class)
            .newInstance(1, version);
        kind.getMethod("setImage", MetadataImage.class).invoke(cache, image);
        System.out.println("{\"known\": " + told(cache, 0) + ", \"unknown\": " + told(cache, 1) + "}");
    }

    private static Class<?> cache() throws ClassNotFoundException {
        try {
            return Class.forName("kafka.server.metadata.KRaftMetadataCache");
        } catch (ClassNotFoundException moved) {
            return Class.forName("org.apache.kafka.metadata.KRaftMetadataCache");
        }
    }

    private static boolean told(MetadataCache cache, int partition) {
        Optional<?> found =
            cache.getPartitionLeaderEndpoint("journal", partition, new ListenerName("PLAINTEXT"));
        return found.isPresent();
    }
}
