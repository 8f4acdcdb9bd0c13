import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import redis.clients.jedis.AbstractPipeline;
import redis.clients.jedis.AbstractTransaction;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.params.SetParams;
import redis.clients.jedis.resps.ScanResult;

/** Jedis without a framework: its pooled client, and a single connection where that is needed. */
public final class JedisSuite {
  static final HostAndPort WHERE = new HostAndPort(Interop.HOST, Interop.PORT);

  static DefaultJedisClientConfig config(String password) throws Exception {
    DefaultJedisClientConfig.Builder config = DefaultJedisClientConfig.builder();
    if (Interop.RESP == 2) config.protocol(RedisProtocol.RESP2);
    if (!password.isEmpty()) config.password(password);
    if (Interop.TRANSPORT.equals("tls")) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      try (FileInputStream pem = new FileInputStream(Interop.CA)) {
        store.setCertificateEntry("ca",
            CertificateFactory.getInstance("X.509").generateCertificate(pem));
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      config.ssl(true).sslSocketFactory(context.getSocketFactory());
    }
    return config.build();
  }

  static RedisClient open(String password) throws Exception {
    return RedisClient.builder().hostAndPort(WHERE).clientConfig(config(password)).build();
  }

  public static void main(String[] args) throws Exception {
    RedisClient redis = open(Interop.PASSWORD);
    values(redis);
    many(redis);
    transactions(redis);
    messages(redis);
    errors(redis);
    restarts(redis);
    Interop.finish();
  }

  static void values(RedisClient redis) {
    Interop.check("keys and values of any bytes, and of 1 MiB", () -> {
      byte[] odd = Interop.oddBytes();
      redis.set(odd, odd);
      Interop.holds(Arrays.equals(redis.get(odd), odd), "the same bytes");
      byte[] large = new byte[1 << 20];
      for (int i = 0; i < large.length; ++i) large[i] = (byte) (i * 31);
      redis.set(odd, large);
      Interop.holds(Arrays.equals(redis.get(odd), large), "the same 1 MiB");
      Interop.equal(redis.del(odd), 1L);
      redis.set(Interop.ODD_TEXT, Interop.ODD_TEXT);
      Interop.equal(redis.get(Interop.ODD_TEXT), Interop.ODD_TEXT);
      redis.del(Interop.ODD_TEXT);
    });
    Interop.check("SET with its options, and deadlines exact within 5 ms of the time that passed", () -> {
      Interop.equal(redis.set("k", "1", SetParams.setParams().nx().px(100_000)), "OK");
      Interop.equal(redis.set("k", "2", SetParams.setParams().nx()), null);
      Interop.equal(redis.setGet("k", "3", SetParams.setParams().keepTtl()), "1");
      Interop.between(99_000, redis.pttl("k"), 100_000);
      for (long wanted : new long[] {1_234_567, 1L << 31, 1L << 40}) {
        long began = System.nanoTime();
        redis.pexpire("k", wanted);
        long left = redis.pttl("k");
        Interop.between(wanted - (System.nanoTime() - began) / 1_000_000 - 5, left, wanted);
      }
      Interop.equal(redis.persist("k"), 1L);
      Interop.equal(redis.expire("k", -1), 1L);
      Interop.equal(redis.ttl("k"), -2L);
      redis.psetex("k", 1, "v");
      Interop.until("expired", () -> redis.get("k") == null);
    });
    Interop.check("hashes, sets, sorted sets, MGET with holes", () -> {
      Interop.equal(redis.hset("h", Map.of("a", "1", "b", Interop.ODD_TEXT)), 2L);
      Interop.equal(redis.hgetAll("h"), Map.of("a", "1", "b", Interop.ODD_TEXT));
      Interop.equal(redis.hmget("h", "a", "absent"), Arrays.asList("1", null));
      Interop.equal(redis.hdel("h", "a", "b"), 2L);
      Interop.equal(redis.exists("h"), false);
      Interop.equal(redis.sadd("s", "a", "b", "a"), 2L);
      Interop.equal(redis.smembers("s"), Set.of("a", "b"));
      redis.zadd("z", 1.5, "a");
      Interop.equal(redis.zscore("z", "a"), 1.5);
      Interop.equal(redis.mget("absent", "s"), Arrays.asList(null, null));
      Interop.equal(redis.del("s", "z", "absent"), 2L);
    });
  }

  static void many(RedisClient redis) {
    Interop.check("a pipeline of ten thousand, and SCAN gives every key", () -> {
      List<Response<String>> answers = new ArrayList<>();
      try (AbstractPipeline pipeline = redis.pipelined()) {
        for (int i = 0; i < 10_000; ++i) {
          pipeline.set("p:" + i, "v" + i);
          answers.add(pipeline.get("p:" + i));
        }
      }
      for (int i = 0; i < answers.size(); ++i) Interop.equal(answers.get(i).get(), "v" + i);
      Set<String> seen = new HashSet<>();
      String cursor = "0";
      do {
        ScanResult<String> part = redis.scan(cursor, new ScanParams().match("p:*").count(100));
        seen.addAll(part.getResult());
        cursor = part.getCursor();
      } while (!cursor.equals("0"));
      Interop.equal(seen.size(), 10_000);
      redis.flushDB();
    });
    Interop.check("fifty threads over the pool lose no increment", () -> {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 50; ++i) {
        threads.add(new Thread(() -> {
          for (int n = 0; n < 40; ++n) redis.incr("n");
        }));
        threads.get(i).start();
      }
      for (Thread thread : threads) thread.join();
      Interop.equal(redis.get("n"), "2000");
      redis.del("n");
    });
  }

  static void transactions(RedisClient redis) {
    Interop.check("MULTI, EXEC, and WATCH disturbed by another client", () -> {
      try (AbstractTransaction transaction = redis.transaction(true)) {
        transaction.set("a", "1");
        transaction.incr("a");
        Interop.equal(transaction.exec(), List.of("OK", 2L));
      }
      try (AbstractTransaction transaction = redis.transaction(false)) {
        transaction.watch("a");
        redis.set("a", "theirs");
        transaction.multi();
        transaction.set("a", "mine");
        Interop.equal(transaction.exec(), null);
      }
      Interop.equal(redis.get("a"), "theirs");
      redis.del("a");
    });
  }

  static void messages(RedisClient redis) {
    Interop.check("messages, patterns and keyspace events, in order", () -> {
      redis.configSet("notify-keyspace-events", "Egx");
      LinkedBlockingQueue<String> seen = new LinkedBlockingQueue<>();
      LinkedBlockingQueue<String> ready = new LinkedBlockingQueue<>();
      JedisPubSub listening = new JedisPubSub() {
        @Override
        public void onPMessage(String pattern, String channel, String message) {
          seen.add(channel + " " + message);
        }

        @Override
        public void onPSubscribe(String pattern, int count) {
          ready.add(pattern);
        }
      };
      Thread thread = new Thread(() -> redis.psubscribe(listening, "news", "__keyevent@0__:*"));
      thread.start();
      Interop.equal(ready.poll(5, TimeUnit.SECONDS), "news");
      Interop.equal(ready.poll(5, TimeUnit.SECONDS), "__keyevent@0__:*");
      Interop.equal(redis.publish("news", Interop.ODD_TEXT), 1L);
      redis.set("k", "v");
      redis.del("k");
      redis.psetex("k", 1, "v");
      Interop.until("expired", () -> redis.get("k") == null);
      List<String> wanted = List.of("news " + Interop.ODD_TEXT, "__keyevent@0__:del k",
          "__keyevent@0__:expire k", "__keyevent@0__:expired k");
      for (String each : wanted) Interop.equal(seen.poll(5, TimeUnit.SECONDS), each);
      listening.punsubscribe();
      thread.join(5000);
      Interop.holds(!thread.isAlive(), "unsubscribed");
    });
  }

  static void errors(RedisClient redis) {
    Interop.check("errors have Redis's words and leave the connection usable", () -> {
      redis.set("k", "v");
      Interop.fails("WRONGTYPE", () -> redis.hgetAll("k"));
      Interop.fails("not an integer", () -> redis.incr("k"));
      Interop.fails("no such key", () -> redis.rename("absent", "k"));
      Interop.equal(redis.get("k"), "v");
      redis.del("k");
    });
    Interop.check("a wrong password is refused, and so is none", () -> {
      if (Interop.PASSWORD.isEmpty()) return;
      Interop.fails("WRONGPASS", () -> open("wrong").get("k"));
      Interop.fails("NOAUTH", () -> open("").get("k"));
    });
    Interop.check("a single connection: SELECT, CLIENT, INFO", () -> {
      try (Jedis one = new Jedis(WHERE, config(Interop.PASSWORD))) {
        Interop.equal(one.select(3), "OK");
        one.set("k", "three");
        Interop.equal(redis.get("k"), null);
        one.clientSetname("interop");
        Interop.holds(one.clientList().contains("name=interop"), one.clientList());
        Interop.holds(one.info("server").contains("redis_version:"), one.info("server"));
        one.flushDB();
      }
    });
  }

  static void restarts(RedisClient redis) {
    Interop.check("kill -9 and restart: values and deadlines are there, the pool comes back", () -> {
      for (int i = 0; i < 100; ++i) redis.psetex("s:" + i, 1_000_000, "v" + i);
      redis.hset("h", Map.of("f", Interop.ODD_TEXT));
      long left = redis.pttl("s:7");
      long began = System.nanoTime();
      Interop.restart();
      Interop.until("reconnected", () -> redis.ping().equals("PONG"));
      long passed = (System.nanoTime() - began) / 1_000_000;
      Interop.between(left - passed - 1500, redis.pttl("s:7"), left - passed + 1500);
      for (int i = 0; i < 100; ++i) Interop.equal(redis.get("s:" + i), "v" + i);
      Interop.equal(redis.hgetAll("h"), Map.of("f", Interop.ODD_TEXT));
    });
  }
}
