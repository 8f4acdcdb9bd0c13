import io.lettuce.core.api.sync.RedisCommands;
import jakarta.servlet.Filter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.session.FindByIndexNameSessionRepository;
import org.springframework.session.Session;

/**
 * Spring Session behind a servlet container: SpringSuite simple|indexed.
 *
 * The simple repository keeps one hash for a session. The indexed one keeps a hash that outlives
 * the session by five minutes, a marker that expires with it, a set for each principal and one for
 * each minute, and learns of the end of a session by keyspace events.
 */
public final class SpringSuite {
  static boolean indexed;
  static SpringApp app;
  static RedisCommands<String, String> redis;
  static FindByIndexNameSessionRepository<? extends Session> byName;

  @SuppressWarnings("unchecked")
  public static void main(String[] args) throws Exception {
    java.util.logging.LogManager.getLogManager().reset();  // lost connections are part of the suite
    indexed = args[0].equals("indexed");
    redis = Interop.lettuce().connect().sync();
    AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext(
        indexed ? SpringConfig.Indexed.class : SpringConfig.Simple.class);
    if (indexed) byName = context.getBean(FindByIndexNameSessionRepository.class);
    app = new SpringApp(context.getBean("springSessionRepositoryFilter", Filter.class));
    life();
    ends();
    values();
    if (indexed) {
      events();
      principals();
    }
    restarts();
    if (indexed) eventsAfterRestart();
    Interop.finish();
  }

  static String hash(String id) {
    return "spring:session:sessions:" + id;
  }

  /** The key that expires when the session does. */
  static String marker(String id) {
    return indexed ? "spring:session:sessions:expires:" + id : hash(id);
  }

  static void ttlIsFull(String id) {
    long idle = SpringConfig.IDLE_S * 1000L;
    Interop.between(idle - 20_000, redis.pttl(marker(id)), idle);
    if (indexed) Interop.between(idle + 280_000, redis.pttl(hash(id)), idle + 300_000);
  }

  static void life() {
    Interop.check("without a cookie nobody is logged in", () -> {
      Interop.equal(app.new Browser().get("/me").status, 401);
      Interop.equal(redis.dbsize(), 0L);
    });
    Interop.check("login: a cookie, a hash, and its full time to live", () -> {
      SpringApp.Browser browser = app.loggedIn("alice");
      Interop.equal(redis.type(hash(browser.id())), "hash");
      Interop.holds(redis.hkeys(hash(browser.id())).containsAll(
          List.of("creationTime", "lastAccessedTime", "maxInactiveInterval", "sessionAttr:user")),
          redis.hkeys(hash(browser.id())));
      ttlIsFull(browser.id());
      for (int visits = 1; visits <= 20; ++visits) {
        Interop.equal(browser.get("/me").text, "alice " + visits);
      }
    });
    Interop.check("touch: a request that changes nothing renews the time to live", () -> {
      SpringApp.Browser browser = app.loggedIn("alice");
      redis.pexpire(marker(browser.id()), 30_000);
      Interop.equal(browser.get("/read").text, "0");
      ttlIsFull(browser.id());
    });
    Interop.check("a second login renames the session, and the old cookie is dead", () -> {
      SpringApp.Browser browser = app.loggedIn("alice");
      browser.post("/put", "kept");
      SpringApp.Browser thief = browser.copy();
      String old = browser.id();
      browser.post("/login", "alice");
      Interop.holds(!browser.id().equals(old), "a new id");
      Interop.equal(redis.exists(hash(old), marker(old)), 0L);
      Interop.equal(thief.get("/me").status, 401);
      Interop.equal(browser.get("/get").text, "kept");
      ttlIsFull(browser.id());
    });
  }

  static void ends() {
    Interop.check("logout: the session is gone, and the cookie opens nothing", () -> {
      SpringApp.Browser browser = app.loggedIn("alice");
      SpringApp.Browser thief = browser.copy();
      String id = browser.id();
      browser.post("/logout", "");
      Interop.equal(redis.exists(marker(id)), 0L);
      Interop.equal(thief.get("/me").status, 401);
    });
    Interop.check("revoke: what another client deletes is logged out at the next request", () -> {
      SpringApp.Browser browser = app.loggedIn("alice");
      Interop.equal(redis.del(hash(browser.id())), 1L);
      Interop.equal(browser.get("/me").status, 401);
    });
    if (indexed) return;
    Interop.check("expiry: a session past its deadline is absent", () -> {
      SpringApp.Browser browser = app.loggedIn("alice");
      redis.pexpire(hash(browser.id()), 1);
      Interop.until("expired", () -> redis.exists(hash(browser.id())) == 0);
      Interop.equal(browser.get("/me").status, 401);
    });
  }

  static void values() {
    Interop.check("fifty parallel requests of one session, and of fifty", () -> {
      SpringApp.Browser browser = app.loggedIn("alice");
      List<CompletableFuture<SpringApp.Answer>> answers = new ArrayList<>();
      for (int i = 0; i < 50; ++i) answers.add(browser.copy().send("/me", null));
      for (CompletableFuture<SpringApp.Answer> each : answers) {
        Interop.holds(each.join().text.startsWith("alice "), each.join().text);
      }
      List<CompletableFuture<SpringApp.Answer>> others = new ArrayList<>();
      for (int i = 0; i < 50; ++i) others.add(app.loggedIn("user-" + i).send("/me", null));
      for (int i = 0; i < 50; ++i) Interop.equal(others.get(i).join().text, "user-" + i + " 1");
    });
    Interop.check("a million characters, and every kind of character", () -> {
      SpringApp.Browser browser = app.loggedIn(Interop.ODD_TEXT);
      for (String value : List.of("0123456789abcdef".repeat(65_536), Interop.ODD_TEXT)) {
        browser.post("/put", value);
        Interop.holds(browser.get("/get").text.equals(value), value.length());
      }
      Interop.equal(browser.get("/me").text, Interop.ODD_TEXT + " 1");
    });
  }

  static String nextEvent(String id) throws Exception {
    while (true) {
      String event = SpringConfig.EVENTS.poll(8, TimeUnit.SECONDS);
      if (event == null || event.contains(id)) return event == null ? null : event.replace(id, "ID");
    }
  }

  static void expireEarly(SpringApp.Browser browser) throws Exception {
    redis.pexpire(marker(browser.id()), 1);
    Interop.until("expired", () -> redis.exists(marker(browser.id())) == 0);
  }

  static void events() {
    Interop.check("the server was told to send keyspace events", () -> {
      String classes = redis.configGet("notify-keyspace-events").get("notify-keyspace-events");
      Interop.holds(classes.contains("E") && (classes.contains("A")
          || (classes.contains("g") && classes.contains("x"))), classes);
    });
    Interop.check("events: created, then deleted at logout, once each", () -> {
      SpringConfig.EVENTS.clear();
      SpringApp.Browser browser = app.loggedIn("bob");
      String id = browser.id();
      Interop.equal(nextEvent(id), "SessionCreatedEvent ID bob");
      browser.post("/logout", "");
      Interop.equal(nextEvent(id), "SessionDeletedEvent ID bob");
      Interop.equal(SpringConfig.EVENTS.poll(200, TimeUnit.MILLISECONDS), null);
    });
    Interop.check("events: expired, with the session's attributes, exactly once", () -> {
      SpringConfig.EVENTS.clear();
      SpringApp.Browser browser = app.loggedIn("carol");
      Interop.equal(nextEvent(browser.id()), "SessionCreatedEvent ID carol");
      expireEarly(browser);
      Interop.equal(nextEvent(browser.id()), "SessionExpiredEvent ID carol");
      Interop.equal(SpringConfig.EVENTS.poll(200, TimeUnit.MILLISECONDS), null);
    });
  }

  static void principals() {
    Interop.check("principals: every session of a user is found, and no ended one", () -> {
      List<SpringApp.Browser> browsers = new ArrayList<>();
      for (int i = 0; i < 5; ++i) browsers.add(app.loggedIn("dave"));
      app.loggedIn("erin");
      Map<String, ? extends Session> found = byName.findByPrincipalName("dave");
      Interop.equal(found.size(), 5);
      browsers.get(0).post("/logout", "");
      expireEarly(browsers.get(1));
      byName.deleteById(browsers.get(2).id());
      Interop.equal(browsers.get(2).get("/me").status, 401);
      Interop.until("two left", () -> byName.findByPrincipalName("dave").keySet().equals(
          Set.of(browsers.get(3).id(), browsers.get(4).id())));
    });
  }

  static void restarts() {
    Interop.check("kill -9 and restart: sessions live on, ended ones stay ended", () -> {
      SpringApp.Browser browser = app.loggedIn("survivor");
      for (int i = 0; i < 5; ++i) browser.get("/me");
      SpringApp.Browser ended = app.loggedIn("ended");
      SpringApp.Browser thief = ended.copy();
      ended.post("/logout", "");
      long left = redis.pttl(marker(browser.id()));
      long began = System.nanoTime();
      Interop.restart();
      Interop.until("reconnected", () -> redis.ping().equals("PONG"));
      long passed = (System.nanoTime() - began) / 1_000_000;
      Interop.between(left - passed - 1500, redis.pttl(marker(browser.id())), left - passed + 1500);
      Interop.until("the application too", () -> browser.get("/read").status == 200);
      Interop.equal(browser.get("/me").text, "survivor 6");
      Interop.equal(thief.get("/me").status, 401);
    });
  }

  static void eventsAfterRestart() {
    Interop.check("events arrive again after the restart", () -> {
      // The server forgets the setting with its process, as redis-server without CONFIG REWRITE;
      // an administrator sets it for good, which here is this line.
      redis.configSet("notify-keyspace-events", "Egx");
      Interop.until("subscribed again", () -> redis.pubsubNumpat() > 0
          && redis.pubsubChannels().size() >= 2);
      SpringConfig.EVENTS.clear();
      SpringApp.Browser browser = app.loggedIn("frank");
      Interop.equal(nextEvent(browser.id()), "SessionCreatedEvent ID frank");
      expireEarly(browser);
      Interop.equal(nextEvent(browser.id()), "SessionExpiredEvent ID frank");
    });
  }
}
