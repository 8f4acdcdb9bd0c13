#include "resp/connection.h"

#include <algorithm>
#include <asio/post.hpp>

#include "resp/dispatcher.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kReadBytesMax = 256 * 1024;  // while a large argument comes in
// With so much waiting to be sent no command is run. Libraries write the whole of a long pipeline
// before they read: a million short replies must fit.
constexpr std::size_t kPauseBytes = 8 * 1024 * 1024;
constexpr std::size_t kUnauthenticatedOutput = 64 * 1024;
constexpr std::size_t kTogether = 64;  // commands that are looked at as a whole
constexpr std::size_t kBufferKept = 64 * 1024;

}  // namespace

Connection::Connection(Server& server, asio::io_context& context, std::size_t on_thread)
    : server_(server), context_(context), parser_(kUnauthenticatedLimits) {
  thread = on_thread;
}

Connection::~Connection() {
  if (closed_) return;
  forget(server_, *this);
  server_.clients.remove(id);
}

void Connection::open() {
  user = server_.acl.initial();
  authenticated = user != nullptr;
  last_active_ms.store(steady_ms(), std::memory_order_relaxed);
  if (authenticated) refresh_limits();
  server_.clients.add(shared_from_this());
  server_.connections_received.fetch_add(1, std::memory_order_relaxed);
}

void Connection::refresh_limits() {
  const RespLimits& limits = server_.options.limits;
  limits_authenticated_ = true;
  parser_.set_limits({.elements = limits.elements,
                      .bulk_bytes = static_cast<std::int64_t>(limits.bulk_bytes),
                      .command_bytes = limits.command_bytes,
                      .authenticated = true});
}

std::span<char> Connection::room() {
  // As much again as has come of a large argument, so that memory follows what arrives.
  const std::size_t wanted = std::clamp(parser_.pending_bytes(), kReadBytes, kReadBytesMax);
  return parser_.prepare(wanted);
}

void Connection::read_more() {
  if (closed_ || closing || input_ended_ || reading_) return;
  reading_ = true;
  wait_for_input();
}

void Connection::on_input(std::size_t bytes) {
  reading_ = false;
  parser_.commit(bytes);
  server_.bytes_in.fetch_add(bytes, std::memory_order_relaxed);
  last_active_ms.store(steady_ms(), std::memory_order_relaxed);
  process();
}

void Connection::on_input_end() {
  reading_ = false;
  input_ended_ = true;
  process();
}

void Connection::on_error() {
  reading_ = false;
  close();
}

std::size_t Connection::pause_bytes() const noexcept {
  return authenticated ? std::min(kPauseBytes, server_.options.limits.output_bytes)
                       : kUnauthenticatedOutput;
}

// Runs what has been read, as far as its output may go, and sends. While something is being sent it
// goes on reading: the client may not read before it has written everything.
void Connection::process() {
  if (closed_ || processing_) return;
  processing_ = true;
  clock = std::chrono::steady_clock::now();
  bool paused = true;
  held_ = false;
  while (paused && !closed_ && !(held_ && out_.empty())) {
    bool more = true;
    while (more && !closing && !held_ && out_.size() + sending_.size() < pause_bytes()) {
      more = step();
    }
    take_inbox();
    paused = more && !closing;
    if (!paused) note_rest();
    if (writing_) break;
    flush();
  }
  processing_ = false;
  if (closing && !writing_ && out_.empty()) return close();  // all of it was written at once
  if (!paused) read_more();
}

// Everything complete was run: what is left is the beginning of a command, or nothing.
void Connection::note_rest() {
  input_bytes.store(parser_.pending_bytes(), std::memory_order_relaxed);
  if (input_ended_) closing = true;
  if (parser_.is_inside()) {
    if (command_began_ms_ == 0) {
      command_began_ms_ = last_active_ms.load(std::memory_order_relaxed);
    }
    return;
  }
  command_began_ms_ = 0;
  if (!reading_) parser_.release();  // a read in flight may own the buffer (TLS)
}

// One command, or several GETs. False when there is no more to run.
bool Connection::step() {
  if (batch_.empty() && !take_batch()) return false;
  if (inbox_waits_.load(std::memory_order_relaxed)) take_inbox();
  const Parsed next = batch_[0];
  if (server_.pause.active() && hold_back(next)) return true;
  if (is_plain_get(server_, *this, next.command, next.args)) {
    answer_gets();
  } else {
    input_bytes.store(parser_.pending_bytes() + batch_.bytes(), std::memory_order_relaxed);
    batch_.pop();
    run_command(next);
  }
  return !closing;
}

// While clients are paused: sets an alarm and returns true when this command has to wait. Nothing
// more is read meanwhile.
bool Connection::hold_back(const Parsed& next) {
  if (next.command == nullptr || next.command->name == "client|unpause" || !authenticated) {
    return false;
  }
  const bool is_write =
      next.command->is(kWrite) || next.command->name == "publish" ||
      (next.command->name == "exec" &&
       std::any_of(queue.begin(), queue.end(), [](const Queued& queued) {
         return queued.command->is(kWrite) || queued.command->name == "publish";
       }));
  const std::int64_t wait_ms = server_.pause.wait_ms(steady_ms(), is_write);
  if (wait_ms == 0) return false;
  held_ = true;
  if (alarm_ == nullptr) alarm_ = std::make_unique<asio::steady_timer>(context_);
  alarm_->expires_after(std::chrono::milliseconds(wait_ms));
  // Nothing else keeps the connection: no read is under way.
  alarm_->async_wait([self = shared_from_this()](std::error_code cancelled) {
    if (!cancelled) self->process();
  });
  return true;
}

void Connection::resume() {
  asio::post(context_, [self = shared_from_this()] {
    if (self->held_) self->process();
  });
}

bool Connection::take_batch() {
  // What comes behind an AUTH is read within other limits than what comes before it.
  switch (batch_.refill(parser_, authenticated ? kTogether : 1)) {
    case Parser::Outcome::kNeedMore:
      return false;
    case Parser::Outcome::kError: {
      Reply reply(out_, protocol());
      reply.error("ERR " + parser_.error());
      server_.count_error("ERR");
      closing = true;
      return false;
    }
    case Parser::Outcome::kCommand:
      break;
  }
  command_began_ms_ = 0;
  clock = std::chrono::steady_clock::now();
  if (batch_.size() > 1) prefetch_keys();
  return true;
}

// Of the commands that will look for them one by one. (GETs are looked up together anyway.) Where
// keys are not the Store's own they would have to be made for this alone.
void Connection::prefetch_keys() {
  if (database.load(std::memory_order_relaxed) != 0 || !server_.options.hash_keys.empty()) return;
  keys_.clear();
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    const Parsed part = batch_[i];
    const bool looks_up = part.command != nullptr && part.command->first_key == 1 &&
                          part.args.size() > 1 && !is_plain_get(server_, *this, part.command, part.args);
    if (looks_up) keys_.push_back(part.args[1]);
  }
  if (keys_.size() > 1) server_.store.prefetch(keys_);
}

// As many of the GETs at the front as the output takes; the rest waits for the next step.
void Connection::answer_gets() {
  keys_.clear();
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    const Parsed part = batch_[i];
    if (!is_plain_get(server_, *this, part.command, part.args)) break;
    keys_.push_back(part.args[1]);
  }
  batch_.pop(get_many(server_, *this, keys_, out_, pause_bytes()));
}

void Connection::run_command(const Parsed& next) {
  dispatch(server_, *this, next.command, next.args, out_);
  if (authenticated && !limits_authenticated_) refresh_limits();
  const std::size_t most =
      authenticated ? server_.options.limits.output_bytes : kUnauthenticatedOutput;
  if (out_.size() + sending_.size() <= most + pause_bytes()) return;
  server_.log(LogLevel::kWarning, "a client was closed: its replies exceed the output limit");
  close();
}

void Connection::take_inbox() {
  MutexLock guard(inbox_mutex_);
  out_ += inbox_;
  inbox_.clear();
  inbox_waits_.store(false, std::memory_order_relaxed);
}

void Connection::note_output() {
  output_bytes.store(out_.size() + sending_.size(), std::memory_order_relaxed);
}

void Connection::flush() {
  if (closed_ || writing_) return note_output();
  if (out_.empty()) {
    if (closing) close();
    return note_output();
  }
  writing_ = true;
  sending_.swap(out_);
  note_output();
  write(sending_);
}

void Connection::on_written(std::error_code error, std::size_t bytes) {
  writing_ = false;
  server_.bytes_out.fetch_add(bytes, std::memory_order_relaxed);
  sending_.clear();
  if (sending_.capacity() > kBufferKept) std::string().swap(sending_);
  if (error) return close();
  if (closed_) return;
  note_output();
  if (processing_) return;  // it was written at once; process() goes on
  if (parser_.is_inside() || !out_.empty() || closing || !reading_) process();
}

void Connection::push(const std::string& bytes) {
  MutexLock guard(inbox_mutex_);
  if (inbox_full_.load(std::memory_order_relaxed)) return;
  const std::size_t waiting = inbox_.size() + output_bytes.load(std::memory_order_relaxed);
  if (waiting + bytes.size() > server_.options.limits.output_bytes) {
    inbox_full_.store(true, std::memory_order_relaxed);
    std::string().swap(inbox_);
  } else {
    inbox_ += bytes;
    inbox_waits_.store(true, std::memory_order_relaxed);
  }
  if (inbox_posted_) return;
  inbox_posted_ = true;
  asio::post(context_, [self = shared_from_this()] {
    {
      MutexLock inner(self->inbox_mutex_);
      self->inbox_posted_ = false;
    }
    if (self->inbox_full_.load(std::memory_order_relaxed)) {
      self->server_.log(LogLevel::kWarning,
                        "a subscriber was closed: it does not read its messages");
      return self->close();
    }
    self->take_inbox();
    self->flush();
  });
}

void Connection::kill() {
  asio::post(context_, [self = shared_from_this()] { self->close(); });
}

void Connection::finish() {
  asio::post(context_, [self = shared_from_this()] {
    if (self->closed_) return;
    self->process();
    self->closing = true;
    self->flush();
  });
}

void Connection::check_timeouts(std::int64_t now_ms) {
  const RespLimits& limits = server_.options.limits;
  const std::int64_t quiet = now_ms - last_active_ms.load(std::memory_order_relaxed);
  const bool subscriber = subscriptions() != 0;
  const std::int64_t idle_ms = server_.config.idle_timeout_ms.load(std::memory_order_relaxed);
  const bool idle = idle_ms > 0 && !subscriber && !monitors && !held_ && !writing_ && quiet > idle_ms;
  // A large argument may take longer: 16 bytes a millisecond are expected.
  const std::int64_t granted =
      limits.command_timeout.count() + static_cast<std::int64_t>(parser_.pending_bytes() / 16);
  const bool stuck = command_began_ms_ != 0 && limits.command_timeout.count() > 0 && !writing_ &&
                     now_ms - command_began_ms_ > granted;
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - connected);
  const bool stranger =
      (!authenticated || greeting_) && limits.auth_timeout.count() > 0 && age > limits.auth_timeout;
  if (idle || stuck || stranger) close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  closing = true;
  forget(server_, *this);
  server_.clients.remove(id);
  alarm_.reset();
  close_socket();
}

}  // namespace cloakroom::resp
