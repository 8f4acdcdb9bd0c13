import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SslOptions;
import io.lettuce.core.protocol.ProtocolVersion;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.net.Socket;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;

/** What the Java suites share: how to reach the server, how to count. */
final class Interop {
  static final String TRANSPORT = System.getenv("INTEROP_TRANSPORT");
  static final String HOST = System.getenv("INTEROP_HOST");
  static final int PORT = Integer.parseInt(System.getenv("INTEROP_PORT"));
  static final String SOCKET = System.getenv("INTEROP_SOCKET");
  static final String PASSWORD = System.getenv("INTEROP_PASSWORD");
  static final File CA = new File(System.getenv("INTEROP_CA"));
  static final int RESP = Integer.parseInt(System.getenv("INTEROP_RESP"));

  static final String ODD_TEXT = oddText();

  interface Body {
    void run() throws Exception;
  }

  private static String oddText() {
    StringBuilder text = new StringBuilder();
    for (char c = 0; c < 256; ++c) text.append(c);
    return text + "Gr\u00fc\u00dfe, \u4f60\u597d, \ud83e\udde5 \u2028\ufeff\r\n*3\r\n$3\r\n";
  }

  static byte[] oddBytes() {
    byte[] bytes = new byte[512];
    for (int i = 0; i < bytes.length; ++i) bytes[i] = (byte) i;
    return bytes;
  }

  static void check(String name, Body body) {
    try {
      body.run();
      System.out.println("ok " + name);
    } catch (Throwable why) {
      String where = "";
      for (StackTraceElement frame : why.getStackTrace()) {
        if (frame.getClassName().contains("Suite")) {
          where = "line " + frame.getLineNumber() + ": ";
          break;
        }
      }
      String text = (why + (why.getCause() == null ? "" : " <- " + why.getCause()));
      text = text.replaceAll("\\s+", " ");
      System.out.println("not ok " + name + ": " + where
          + text.substring(0, Math.min(text.length(), 300)));
    }
    System.out.flush();
  }

  static void equal(Object found, Object wanted) {
    if (!Objects.equals(found, wanted)) {
      throw new AssertionError("found " + shorten(found) + ", wanted " + shorten(wanted));
    }
  }

  private static String shorten(Object value) {
    String text = String.valueOf(value);
    return text.length() > 120 ? text.substring(0, 120) + "..." : text;
  }

  static void holds(boolean truth, Object shown) {
    if (!truth) throw new AssertionError("does not hold: " + shown);
  }

  static void between(long low, long value, long high) {
    holds(low <= value && value <= high, value + " in " + low + " to " + high);
  }

  static void fails(String part, Body body) throws Exception {
    try {
      body.run();
    } catch (Exception why) {
      StringBuilder all = new StringBuilder();
      for (Throwable each = why; each != null; each = each.getCause()) all.append(each).append(" ");
      holds(all.toString().contains(part), part + " in " + all);
      return;
    }
    throw new AssertionError("no failure with " + part);
  }

  /** Waits for what happens by itself within moments; a connection may be lost meanwhile. */
  static void until(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + Duration.ofSeconds(8).toNanos();
    Exception last = null;
    while (System.nanoTime() < end) {
      try {
        if (condition.call()) return;
      } catch (Exception why) {
        last = why;
      }
      Thread.sleep(2);
    }
    throw new AssertionError("still not: " + what, last);
  }

  /** Has the server killed with SIGKILL and started again; returns when it answers. */
  static void restart() throws Exception {
    int port = Integer.parseInt(System.getenv("INTEROP_CONTROL"));
    try (Socket control = new Socket("127.0.0.1", port)) {
      control.getOutputStream().write("restart\n".getBytes());
      String answer = new BufferedReader(new InputStreamReader(control.getInputStream())).readLine();
      equal(answer, "done");
    }
  }

  static ClientOptions lettuceOptions() {
    ClientOptions.Builder options = ClientOptions.builder();
    // The client's default is to try RESP3, so for that it is told nothing.
    if (RESP == 2) options.protocolVersion(ProtocolVersion.RESP2);
    if (TRANSPORT.equals("tls")) {
      options.sslOptions(SslOptions.builder().jdkSslProvider().trustManager(CA).build());
    }
    return options.build();
  }

  static RedisClient lettuce() {
    return lettuce(PASSWORD);
  }

  static RedisClient lettuce(String password) {
    RedisURI uri = TRANSPORT.equals("unix")
        ? RedisURI.Builder.socket(SOCKET).build()
        : RedisURI.Builder.redis(HOST, PORT).withSsl(TRANSPORT.equals("tls")).build();
    if (!password.isEmpty()) uri.setCredentialsProvider(
        io.lettuce.core.RedisCredentialsProvider.from(
            () -> io.lettuce.core.RedisCredentials.just(null, password)));
    uri.setTimeout(Duration.ofSeconds(10));
    RedisClient client = RedisClient.create(uri);
    client.setOptions(lettuceOptions());
    return client;
  }

  static void finish() {
    System.out.println("done");
    System.out.flush();
    Runtime.getRuntime().halt(0);  // event loops and pools would keep the JVM for seconds
  }

  private Interop() {}
}
