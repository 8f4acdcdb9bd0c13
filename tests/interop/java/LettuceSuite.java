import io.lettuce.core.KeyValue;
import io.lettuce.core.LettuceFutures;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.ScanIterator;
import io.lettuce.core.SetArgs;
import io.lettuce.core.TransactionResult;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Lettuce without a framework. */
public final class LettuceSuite {
  public static void main(String[] args) throws Exception {
    RedisClient client = Interop.lettuce();
    StatefulRedisConnection<String, String> connection = client.connect();
    RedisCommands<String, String> redis = connection.sync();
    values(client, redis);
    deadlines(redis);
    types(redis);
    many(client, connection.async(), redis);
    transactions(client, redis);
    messages(client, redis);
    errors(redis);
    restarts(redis);
    Interop.finish();
  }

  static void values(RedisClient client, RedisCommands<String, String> redis) {
    Interop.check("keys and values of any bytes, and of 1 MiB", () -> {
      RedisCommands<byte[], byte[]> bytes = client.connect(ByteArrayCodec.INSTANCE).sync();
      byte[] odd = Interop.oddBytes();
      bytes.set(odd, odd);
      Interop.holds(Arrays.equals(bytes.get(odd), odd), "the same bytes");
      byte[] large = new byte[1 << 20];
      for (int i = 0; i < large.length; ++i) large[i] = (byte) (i * 31);
      bytes.set(odd, large);
      Interop.holds(Arrays.equals(bytes.get(odd), large), "the same 1 MiB");
      Interop.equal(bytes.del(odd), 1L);
      redis.set(Interop.ODD_TEXT, Interop.ODD_TEXT);
      Interop.equal(redis.get(Interop.ODD_TEXT), Interop.ODD_TEXT);
      redis.del(Interop.ODD_TEXT);
      Interop.equal(redis.get("absent"), null);
    });
    Interop.check("SET with NX, XX, KEEPTTL, GET", () -> {
      Interop.equal(redis.set("k", "1", SetArgs.Builder.nx().px(100_000)), "OK");
      Interop.equal(redis.set("k", "2", SetArgs.Builder.nx()), null);
      Interop.equal(redis.set("absent", "2", SetArgs.Builder.xx()), null);
      Interop.equal(redis.set("k", "3", SetArgs.Builder.keepttl()), "OK");
      Interop.between(99_000, redis.pttl("k"), 100_000);
      Interop.equal(redis.setGet("k", "4"), "3");
      Interop.equal(redis.pttl("k"), -1L);
      Interop.equal(redis.getdel("k"), "4");
    });
  }

  static void deadlines(RedisCommands<String, String> redis) {
    Interop.check("deadlines in milliseconds are exact within 5 ms of the time that passed", () -> {
      for (long wanted : new long[] {1_234_567, 86_400_000, 1L << 31, 1L << 40}) {
        redis.set("k", "v");
        long began = System.nanoTime();
        redis.pexpire("k", wanted);
        long left = redis.pttl("k");
        long passed = (System.nanoTime() - began) / 1_000_000;
        Interop.between(wanted - passed - 5, left, wanted);
      }
      long at = System.currentTimeMillis() + 500_000;
      redis.pexpireat("k", at);
      Interop.equal(redis.pexpiretime("k"), at);
      Interop.equal(redis.persist("k"), true);
      Interop.equal(redis.ttl("k"), -1L);
      Interop.equal(redis.expire("k", 0), true);
      Interop.equal(redis.ttl("k"), -2L);
      redis.psetex("k", 1, "v");
      Interop.until("expired", () -> redis.get("k") == null);
    });
  }

  static void types(RedisCommands<String, String> redis) {
    Interop.check("hashes, sets, sorted sets, MGET with holes", () -> {
      Interop.equal(redis.hmset("h", Map.of("a", "1", "b", Interop.ODD_TEXT)), "OK");
      Interop.equal(redis.hgetall("h"), Map.of("a", "1", "b", Interop.ODD_TEXT));
      Interop.equal(redis.hincrby("h", "a", 4), 5L);
      Interop.equal(redis.hdel("h", "a", "b"), 2L);
      Interop.equal(redis.exists("h"), 0L);
      Interop.equal(redis.hgetall("h"), Map.of());
      Interop.equal(redis.sadd("s", "a", "b", "a"), 2L);
      Interop.equal(redis.smembers("s"), Set.of("a", "b"));
      Interop.equal(redis.sismember("s", "c"), false);
      redis.zadd("z", 1.5, "a");
      redis.zadd("z", Double.POSITIVE_INFINITY, "b");
      Interop.equal(redis.zscore("z", "a"), 1.5);
      Interop.equal(redis.zscore("z", "b"), Double.POSITIVE_INFINITY);
      redis.set("x", "v");
      Interop.equal(redis.mget("x", "absent", "h", "x"), List.of(KeyValue.just("x", "v"),
          KeyValue.empty("absent"), KeyValue.empty("h"), KeyValue.just("x", "v")));
      Interop.equal(redis.append("x", ""), 1L);
      Interop.equal(redis.rename("x", "y"), "OK");
      Interop.fails("no such key", () -> redis.rename("x", "y"));
      redis.del("s", "z", "y");
    });
  }

  static void many(RedisClient client, RedisAsyncCommands<String, String> async,
      RedisCommands<String, String> redis) {
    Interop.check("thousands of commands in flight, all answered in order", () -> {
      // Over TLS, redis-server 7.0.15 stops answering this client with 10,000 in flight.
      int step = Interop.TRANSPORT.equals("tls") ? 100 : 10_000;
      for (int from = 0; from < 10_000; from += step) {
        List<RedisFuture<?>> all = new ArrayList<>();
        for (int i = from; i < from + step; ++i) all.add(async.set("p:" + i, "v" + i));
        List<RedisFuture<String>> reads = new ArrayList<>();
        for (int i = from; i < from + step; ++i) reads.add(async.get("p:" + i));
        all.addAll(reads);
        Interop.holds(
            LettuceFutures.awaitAll(Duration.ofSeconds(20), all.toArray(new RedisFuture[0])),
            "all answered");
        for (int i = 0; i < step; ++i) Interop.equal(reads.get(i).get(), "v" + (from + i));
      }
    });
    Interop.check("SCAN gives every key", () -> {
      Set<String> seen = new HashSet<>();
      ScanIterator.scan(redis, ScanArgs.Builder.matches("p:*").limit(100)).stream()
          .forEach(seen::add);
      Interop.equal(seen.size(), 10_000);
      redis.flushdb();
      Interop.equal(redis.dbsize(), 0L);
    });
    Interop.check("fifty connections at once lose no increment", () -> {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 50; ++i) {
        threads.add(new Thread(() -> {
          try (StatefulRedisConnection<String, String> own = client.connect()) {
            for (int n = 0; n < 20; ++n) own.sync().incr("n");
          }
        }));
        threads.get(i).start();
      }
      for (Thread thread : threads) thread.join();
      Interop.equal(redis.get("n"), "1000");
      redis.del("n");
    });
  }

  static void transactions(RedisClient client, RedisCommands<String, String> redis) {
    Interop.check("MULTI, EXEC, and WATCH disturbed by another client", () -> {
      redis.multi();
      redis.set("a", "1");
      redis.incr("a");
      TransactionResult result = redis.exec();
      Interop.equal(result.get(1), 2L);
      RedisCommands<String, String> other = client.connect().sync();
      redis.watch("a");
      other.set("a", "theirs");
      redis.multi();
      redis.set("a", "mine");
      Interop.equal(redis.exec().wasDiscarded(), true);
      Interop.equal(redis.get("a"), "theirs");
      redis.del("a");
    });
  }

  static void messages(RedisClient client, RedisCommands<String, String> redis) {
    Interop.check("messages, patterns and keyspace events, in order", () -> {
      redis.configSet("notify-keyspace-events", "Egx");
      LinkedBlockingQueue<String> seen = new LinkedBlockingQueue<>();
      StatefulRedisPubSubConnection<String, String> listening = client.connectPubSub();
      listening.addListener(new RedisPubSubAdapter<>() {
        @Override
        public void message(String channel, String message) {
          seen.add(channel + " " + message);
        }

        @Override
        public void message(String pattern, String channel, String message) {
          seen.add(channel + " " + message);
        }
      });
      listening.sync().subscribe("news");
      listening.sync().psubscribe("__keyevent@0__:*");
      Interop.equal(redis.publish("news", Interop.ODD_TEXT), 1L);
      redis.set("k", "v");
      redis.del("k");
      redis.psetex("k", 1, "v");
      Interop.until("expired", () -> redis.get("k") == null);
      List<String> wanted = List.of("news " + Interop.ODD_TEXT, "__keyevent@0__:del k",
          "__keyevent@0__:expire k", "__keyevent@0__:expired k");
      for (String each : wanted) Interop.equal(seen.poll(5, TimeUnit.SECONDS), each);
      listening.close();
    });
  }

  static void errors(RedisCommands<String, String> redis) {
    Interop.check("errors have Redis's words and leave the connection usable", () -> {
      redis.set("k", "v");
      Interop.fails("WRONGTYPE", () -> redis.hgetall("k"));
      Interop.fails("not an integer", () -> redis.incr("k"));
      Interop.fails("invalid expire time", () -> redis.setex("k", 0, "v"));
      Interop.equal(redis.get("k"), "v");
      redis.del("k");
    });
    Interop.check("a wrong password is refused, and so is none", () -> {
      if (Interop.PASSWORD.isEmpty()) return;
      Interop.fails("WRONGPASS", () -> Interop.lettuce("wrong").connect().sync().get("k"));
      Interop.fails("NOAUTH", () -> Interop.lettuce("").connect().sync().get("k"));
    });
  }

  static void restarts(RedisCommands<String, String> redis) {
    Interop.check("kill -9 and restart: values and deadlines are there, the client comes back", () -> {
      for (int i = 0; i < 100; ++i) redis.psetex("s:" + i, 1_000_000, "v" + i);
      redis.hset("h", Map.of("f", Interop.ODD_TEXT));
      redis.set("gone", "v");
      redis.del("gone");
      long left = redis.pttl("s:7");
      long began = System.nanoTime();
      Interop.restart();
      Interop.until("reconnected", () -> redis.ping().equals("PONG"));
      long passed = (System.nanoTime() - began) / 1_000_000;
      Interop.between(left - passed - 1500, redis.pttl("s:7"), left - passed + 1500);
      for (int i = 0; i < 100; ++i) Interop.equal(redis.get("s:" + i), "v" + i);
      Interop.equal(redis.hgetall("h"), Map.of("f", Interop.ODD_TEXT));
      Interop.equal(redis.get("gone"), null);
    });
  }
}
