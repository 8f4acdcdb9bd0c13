import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;
import org.springframework.session.FindByIndexNameSessionRepository;

/** A web application in an embedded Tomcat, whose sessions are Spring's, and browsers for it. */
final class SpringApp {
  final int port;

  SpringApp(Filter sessions) throws Exception {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(Files.createTempDirectory(java.nio.file.Path.of("."), "tomcat").toString());
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat.getConnector().setMaxPostSize(8 << 20);
    Context context = tomcat.addContext("", null);
    FilterDef definition = new FilterDef();
    definition.setFilterName("sessions");
    definition.setFilter(sessions);
    context.addFilterDef(definition);
    FilterMap everywhere = new FilterMap();
    everywhere.setFilterName("sessions");
    everywhere.addURLPattern("/*");
    context.addFilterMap(everywhere);
    Tomcat.addServlet(context, "application", new Application());
    context.addServletMappingDecoded("/*", "application");
    tomcat.start();
    port = tomcat.getConnector().getLocalPort();
  }

  private static final class Application extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      String body = new String(request.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      HttpSession session = request.getSession(false);
      String path = request.getRequestURI();
      if (path.equals("/login")) {
        if (session != null) request.changeSessionId();
        session = request.getSession();
        session.setAttribute("user", body);
        session.setAttribute("visits", 0);
        session.setAttribute(FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME, body);
        return;
      }
      if (session == null || session.getAttribute("user") == null) {
        response.setStatus(401);
        return;
      }
      response.setCharacterEncoding("UTF-8");
      switch (path) {
        case "/me" -> {
          int visits = (Integer) session.getAttribute("visits") + 1;
          session.setAttribute("visits", visits);
          response.getWriter().print(session.getAttribute("user") + " " + visits);
        }
        case "/read" -> response.getWriter().print(session.getAttribute("visits"));
        case "/put" -> session.setAttribute("value", body);
        case "/get" -> response.getWriter().print(session.getAttribute("value"));
        case "/logout" -> session.invalidate();
        default -> response.setStatus(404);
      }
    }
  }

  static final class Answer {
    int status;
    String text;
  }

  /** A browser with one cookie. */
  final class Browser {
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    volatile String cookie;

    CompletableFuture<Answer> send(String path, String body) {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
      if (cookie != null) request.header("Cookie", "SESSION=" + cookie);
      if (body != null) request.POST(HttpRequest.BodyPublishers.ofString(body));
      return HTTP.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString())
          .thenApply(response -> {
            for (String set : response.headers().allValues("set-cookie")) {
              if (set.startsWith("SESSION=")) cookie = set.substring(8, set.indexOf(';'));
            }
            Answer answer = new Answer();
            answer.status = response.statusCode();
            answer.text = response.body();
            return answer;
          });
    }

    Answer get(String path) {
      return send(path, null).join();
    }

    Answer post(String path, String body) {
      return send(path, body).join();
    }

    Browser copy() {
      Browser other = new Browser();
      other.cookie = cookie;
      return other;
    }

    String id() {
      return new String(Base64.getDecoder().decode(cookie), StandardCharsets.UTF_8);
    }
  }

  Browser loggedIn(String user) {
    Browser browser = new Browser();
    Interop.equal(browser.post("/login", user).status, 200);
    return browser;
  }
}
