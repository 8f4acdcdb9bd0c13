// cloakroom import STORE-DIR redis://...: the keys of a Redis become records. With --follow they go
// on doing so until Ctrl-C (redis_follow.h).
#include <map>
#include <nlohmann/json.hpp>

#include "copy/pace.h"
#include "exit_codes.h"
#include "move/move.h"
#include "move/record_sink.h"
#include "move/redis_fetch.h"
#include "move/redis_follow.h"
#include "store/keyspace.h"
#include "text/interrupt.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

int cannot(const Status& status) {
  message(text_of(status));
  return status.code() == StatusCode::kInvalidArgument ? kExitUsage : kExitCannotOpen;
}

class RedisImport {
 public:
  RedisImport(const RedisImportOptions& options, RedisTarget target)
      : options_(options), target_(std::move(target)) {}

  int run() {
    Status done = prepare();
    if (!done) return cannot(done);
    const Interrupts interrupts;
    const auto stop = [&] { return interrupts.came(); };
    done = copy_all(stop);
    if (done && follow_ && !stop()) done = follow(stop);
    // What --follow copied is worth keeping when it is told to end; a first copy that was cut
    // short is not.
    if (done && interrupts.came() && !(follow_ && followed_)) {
      follow_.reset();
      sink_.reset();
      message("stopped; nothing was left in " + options_.dir);
      return interrupts.end();
    }
    if (done && follow_) done = final_pass();
    if (!done && followed_) {
      // As when the Redis was stopped first: what is here is as new as its last event.
      pace_.clear();
      message(text_of(done) +
              "; the final pass was not finished, and the last changes may be missing");
      unfinished_ = true;
      done = Status();
    }
    if (done) done = sink_->finish();
    pace_.clear();
    if (!done) return cannot(done);
    return tell();
  }

 private:
  Status prepare() {
    auto redis = RedisClient::connect(target_);
    if (!redis) return redis.status();
    redis_ = *std::move(redis);
    auto fetcher = KeyFetcher::make(*redis_);
    if (!fetcher) return fetcher.status();
    fetcher_.emplace(*fetcher);
    auto sink = options_.dry_run  ? Result<std::unique_ptr<RecordSink>>(RecordSink::none())
                : options_.merge  ? RecordSink::merging(options_.dir, *options_.merge)
                : options_.follow ? RecordSink::growing(options_.dir)
                                  : RecordSink::bulk(options_.dir);
    if (!sink) return sink.status();
    sink_ = *std::move(sink);
    if (!options_.follow) return Status();
    auto follower = RedisFollower::begin(target_, *redis_, options_.set_events);
    if (!follower) return follower.status();
    follow_ = *std::move(follower);
    return Status();
  }

  // Every key once. Changes meanwhile are noted by the follower, if there is one.
  Status copy_all(FunctionRef<bool()> stop) {
    const auto size = redis_->call({"DBSIZE"});
    const auto total =
        size && target_.match.empty() ? static_cast<std::uint64_t>(size->integer()) : 0;
    std::string cursor = "0";
    std::vector<std::string> keys;
    do {
      if (Status scanned = fetcher_->scan(cursor, target_.match, &keys); !scanned) return scanned;
      if (Status copied = copy(keys); !copied) return copied;
      pace_.update_now(seen_, seen_, total);
      if (follow_) {
        if (Status noted = follow_->note_changes(Millis{0}); !noted) return noted;
      }
    } while (cursor != "0" && !stop());
    return Status();
  }

  Status copy(const std::vector<std::string>& keys) {
    seen_ += keys.size();
    return fetcher_->fetch(
        keys, [&](const std::string& key, Fetched& fetched) { return take(key, fetched); });
  }

  Status take(const std::string& key, Fetched& fetched) {
    const std::string stored = store_key(target_.database, key);
    if (fetched.state == Fetched::State::kOtherType) {
      left_out(key, fetched.type);
      return Status();
    }
    if (fetched.state == Fetched::State::kGone) return sink_->erase(stored);
    if (stored.size() > kKeyBytesMax) {
      left_out(key.substr(0, 40) + "...", "a key over 1024 bytes");
      return Status();
    }
    const auto put = sink_->put({.key = stored,
                                 .value = fetched.value,
                                 .kind = fetched.kind,
                                 .deadline = fetched.deadline});
    if (!put) return put.status();
    stored_ += *put == RecordSink::Put::kStored;
    kept_ += *put == RecordSink::Put::kKept;
    return Status();
  }

  // The first of each type by name, all by number.
  void left_out(const std::string& key, const std::string& type) {
    if (++others_[type] > 1) return;
    pace_.clear();
    message("left out: key " + escape(key) + " is of type " + type +
            ", which no session store has; more of this type are only counted");
  }

  Status follow(FunctionRef<bool()> stop) {
    followed_ = true;
    pace_.clear();
    message(human_count(stored_) + " keys copied; following the changes until Ctrl-C");
    while (!stop()) {
      if (Status noted = follow_->note_changes(Millis{200}); !noted) return noted;
      if (Status copied = copy_changed(); !copied) return copied;
      pace_.update_now(seen_, 0, 0);
    }
    return Status();
  }

  Status copy_changed() {
    for (std::vector<std::string> keys; follow_->take_changed(&keys);) {
      if (Status copied = copy(keys); !copied) return copied;
    }
    return Status();
  }

  // Whatever an event did not tell: FLUSHDB tells nothing, and a connection may have broken.
  Status final_pass() {
    pace_.clear();
    message("final pass: comparing every key");
    Status done = follow_->note_changes(Millis{0});
    if (done) done = copy_changed();
    if (done) done = copy_all([] { return false; });
    if (done) done = copy_changed();
    if (done) done = erase_gone();
    return done;
  }

  // Records whose keys the Redis has no more.
  Status erase_gone() {
    Store* const store = sink_->store();
    if (store == nullptr) return Status();
    Status done;
    Cursor cursor = kScanStart;
    do {
      std::vector<std::string> keys;
      const auto next = store->scan(cursor, 250, [&](const RecordView& view) {
        const auto key = database_key(view.key);
        if (key && key->database == target_.database) keys.emplace_back(key->key);
      });
      if (!next) return next.status();
      cursor = *next;
      for (const std::string& key : keys) redis_->queue({"EXISTS", key});
      if (Status sent = redis_->send(); !sent) return sent;
      for (const std::string& key : keys) {
        const auto there = redis_->reply();
        if (!there) return there.status();
        if (there->is_error() || there->integer() != 0) continue;
        if (done = sink_->erase(store_key(target_.database, key)); !done) return done;
      }
    } while (cursor != kScanStart);
    return Status();
  }

  int tell() {
    std::uint64_t others = 0;
    for (const auto& [type, count] : others_) others += count;
    if (options_.json) {
      Json types = Json::object();
      for (const auto& [type, count] : others_) types[escape_text(type)] = count;
      print(Json{{"store", escape_text(options_.dir)},
                 {"redis", escape_text(target_.name())},
                 {"keys", seen_},
                 {"stored", stored_},
                 {"kept", kept_},
                 {"left_out", types},
                 {"finished", !unfinished_},
                 {"dry_run", options_.dry_run}}
                .dump() +
            "\n");
    } else {
      print((options_.dry_run ? "could import " : "imported ") + human_count(stored_) +
            " keys from " + escape_text(target_.name()) + " into " + escape_text(options_.dir) +
            ", " + pace_.rate(seen_) +
            (kept_ == 0 ? "" : "; " + human_count(kept_) + " were there and were kept") +
            (others == 0 ? "" : "; left out: " + human_count(others)) + "\n");
    }
    return others == 0 && !unfinished_ ? kExitOk : kExitFindings;
  }

  const RedisImportOptions& options_;
  const RedisTarget target_;
  std::unique_ptr<RedisClient> redis_;
  std::optional<KeyFetcher> fetcher_;
  std::unique_ptr<RecordSink> sink_;
  std::unique_ptr<RedisFollower> follow_;
  bool followed_ = false;
  bool unfinished_ = false;
  Pace pace_{"importing"};
  std::uint64_t seen_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t kept_ = 0;
  std::map<std::string, std::uint64_t> others_;
};

}  // namespace

int run_import_redis(const RedisImportOptions& options) {
  auto target = redis_target(options.redis);
  if (!target) return cannot(target.status());
  if (options.follow && (options.merge || options.dry_run)) {
    message("--follow makes a new store; leave out --merge and --dry-run");
    return kExitUsage;
  }
  if (options.merge == Existing::kNewer) {
    message("a Redis has no versions that could be compared; merge with skip or replace");
    return kExitUsage;
  }
  return RedisImport(options, *std::move(target)).run();
}

}  // namespace cloakroom::cli
