// loop_server: sessions in an event loop, with C++20 coroutines on Boost.Beast. One thread.
//
//   loop_server [PORT [STORE-DIR]]      (default: 8080, loop-sessions)
//
// A call that waits for the disk would hold up every connection of the loop. So logins and logouts
// are written with kProcess, which waits for nothing, and the answer is sent when their version has
// become durable: `co_await durable(...)`. Meanwhile the loop serves others, and one fdatasync
// covers all who wait.
//
// This shows the loop, not the login: there is no password. docs/examples/login_server has one.
#include <cloakroom/cloakroom.h>

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using namespace std::chrono_literals;
using asio::use_awaitable;
using cloakroom::Durability;
using cloakroom::Status;
using cloakroom::Version;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;
template <class T>
using Task = asio::awaitable<T>;

namespace {

// Ends when what `version` names, and all before it, survives a power cut; or with the failure.
Task<Status> durable(cloakroom::Store& store, Version version) {
  auto loop = co_await asio::this_coro::executor;
  auto start = [&store, version, loop](auto handler) {
    auto resume = std::make_shared<decltype(handler)>(std::move(handler));
    // Called from a thread of the store: only the loop may resume a coroutine of the loop.
    store.when_durable(version, [resume, loop](Status status) {
      asio::post(loop, [resume, status] { std::move (*resume)(status); });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Status)>(
      std::move(start), use_awaitable);
}

std::string_view header_of(const Request& request, http::field field) {
  const auto value = request[field];
  return {value.data(), value.size()};
}

class Site {
 public:
  Site(cloakroom::Store& store, cloakroom::Sessions& sessions)
      : store_(store), sessions_(sessions) {}

  Task<Response> answer(const Request& request) {
    Response response(http::status::not_found, request.version());
    response.keep_alive(request.keep_alive());
    response.set(http::field::content_type, "text/html; charset=utf-8");
    response.set(http::field::cache_control, "no-store");
    const bool get = request.method() == http::verb::get;
    const bool post = request.method() == http::verb::post;
    if (get && request.target() == "/") {
      home(request, response);
    } else if (post && request.target() == "/login") {
      co_await log_in(request, response);
    } else if (post && request.target() == "/logout") {
      co_await log_out(request, response);
    }
    response.prepare_payload();
    co_return response;
  }

 private:
  void home(const Request& request, Response& response) {
    auto session = sessions_.load_cookie(header_of(request, http::field::cookie));
    if (!session) {
      if (!is_logged_out(session.code())) return fail(session.status(), response);
      response.result(http::status::ok);
      response.body() =
          "<!doctype html><html lang=\"en\"><title>Log in</title><h1>Log in</h1>"
          "<form method=\"post\" action=\"/login\"><label>Name <input name=\"user\" "
          "required></label> "
          "<button>Log in</button></form></html>\n";
      return;
    }
    const auto visits = session->increment("visits");
    if (auto saved = sessions_.save(*session); !saved) return fail(saved, response);
    response.result(http::status::ok);
    response.body() =
        "<!doctype html><html lang=\"en\"><title>Home</title><h1>Visit " + std::to_string(visits) +
        "</h1><form method=\"post\" action=\"/logout\"><button>Log out</button></form></html>\n";
  }

  Task<void> log_in(const Request& request, Response& response) {
    const std::string& form = request.body();
    if (!form.starts_with("user=") || form.size() > 64) {
      response.result(http::status::bad_request);
      co_return;
    }
    const std::string user = form.substr(5);
    auto session = sessions_.create({.owner = user, .durability = Durability::kProcess});
    if (!session) co_return fail(session.status(), response);
    if (auto safe = co_await durable(store_, session->version()); !safe) {
      co_return fail(safe, response);
    }
    response.set(http::field::set_cookie, sessions_.cookie(*session));
    redirect(response);
  }

  Task<void> log_out(const Request& request, Response& response) {
    auto session = sessions_.load_cookie(header_of(request, http::field::cookie));
    if (!session && !is_logged_out(session.code())) co_return fail(session.status(), response);
    if (session) {
      auto ended = sessions_.destroy(*session, {.durability = Durability::kProcess});
      if (!ended && !is_logged_out(ended.code())) co_return fail(ended.status(), response);
      // From here on no request finds the session; after this, no power cut brings it back.
      if (ended) {
        if (auto safe = co_await durable(store_, *ended); !safe) co_return fail(safe, response);
      }
    }
    response.set(http::field::set_cookie, sessions_.end_cookie());
    redirect(response);
  }

  static void fail(const Status& status, Response& response) {
    std::fprintf(stderr, "loop_server: %s\n", status.to_string().c_str());
    response.result(http::status::service_unavailable);
  }

  static void redirect(Response& response) {
    response.result(http::status::see_other);
    response.set(http::field::location, "/");
  }

  cloakroom::Store& store_;
  cloakroom::Sessions& sessions_;
};

Task<void> serve(beast::tcp_stream stream, Site& site) try {
  beast::flat_buffer buffer;
  bool open = true;
  while (open) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(std::size_t{8} << 10);
    stream.expires_after(30s);
    co_await http::async_read(stream, buffer, parser, use_awaitable);
    Response response = co_await site.answer(parser.get());
    open = response.keep_alive();
    stream.expires_after(30s);
    co_await http::async_write(stream, response, use_awaitable);
  }
} catch (const boost::system::system_error&) {
  // The browser went away, was too slow, or sent no HTTP. The connection ends with its stream.
}

Task<void> listen(asio::ip::tcp::acceptor acceptor, Site& site) {
  while (true) {
    auto socket = co_await acceptor.async_accept(use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve(beast::tcp_stream(std::move(socket)), site),
                   asio::detached);
  }
}

int fail(const Status& status) {
  std::fprintf(stderr, "loop_server: %s\n", status.to_string().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) try {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8080;
  auto store = cloakroom::Store::open({.path = argc > 2 ? argv[2] : "loop-sessions"});
  if (!store) return fail(store.status());
  cloakroom::Sessions sessions(*store);
  if (!sessions.status()) return fail(sessions.status());

  asio::io_context loop(1);
  Site site(*store, sessions);
  const asio::ip::tcp::endpoint here(asio::ip::address_v4::loopback(),
                                     static_cast<unsigned short>(port));
  asio::ip::tcp::acceptor acceptor(loop, here);
  std::printf("listening on http://localhost:%d\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(loop, listen(std::move(acceptor), site), asio::detached);
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
  loop.run();

  auto closed = store->close();
  return closed ? 0 : fail(closed);
} catch (const std::exception& error) {
  std::fprintf(stderr, "loop_server: %s\n", error.what());
  return 1;
}
