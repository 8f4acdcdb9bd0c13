import java.util.concurrent.LinkedBlockingQueue;
import org.springframework.context.ApplicationListener;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.data.redis.connection.RedisConfiguration;
import org.springframework.data.redis.connection.RedisSocketConfiguration;
import org.springframework.data.redis.connection.RedisStandaloneConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceClientConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import org.springframework.session.data.redis.config.annotation.web.http.EnableRedisHttpSession;
import org.springframework.session.data.redis.config.annotation.web.http.EnableRedisIndexedHttpSession;
import org.springframework.session.events.AbstractSessionEvent;

/** What a Spring application configures: a connection, and one of the two repositories. */
class SpringConfig {
  static final int IDLE_S = 3600;

  /** Every session event, as "SessionExpiredEvent ID USER". */
  static final LinkedBlockingQueue<String> EVENTS = new LinkedBlockingQueue<>();

  static class Common {
    @Bean
    LettuceConnectionFactory connectionFactory() {
      RedisConfiguration where = Interop.TRANSPORT.equals("unix")
          ? new RedisSocketConfiguration(Interop.SOCKET)
          : new RedisStandaloneConfiguration(Interop.HOST, Interop.PORT);
      if (!Interop.PASSWORD.isEmpty()) {
        ((RedisConfiguration.WithAuthentication) where).setPassword(Interop.PASSWORD);
      }
      LettuceClientConfiguration.LettuceClientConfigurationBuilder client =
          LettuceClientConfiguration.builder().clientOptions(Interop.lettuceOptions());
      if (Interop.TRANSPORT.equals("tls")) client.useSsl();
      return where instanceof RedisSocketConfiguration
          ? new LettuceConnectionFactory((RedisSocketConfiguration) where, client.build())
          : new LettuceConnectionFactory((RedisStandaloneConfiguration) where, client.build());
    }

    @Bean
    ApplicationListener<AbstractSessionEvent> listener() {
      return event -> EVENTS.add(event.getClass().getSimpleName() + " " + event.getSessionId() + " "
          + (event.getSession() == null ? null : event.getSession().getAttribute("user")));
    }
  }

  @Configuration
  @EnableRedisHttpSession(maxInactiveIntervalInSeconds = IDLE_S)
  static class Simple extends Common {}

  @Configuration
  @EnableRedisIndexedHttpSession(maxInactiveIntervalInSeconds = IDLE_S)
  static class Indexed extends Common {}
}
