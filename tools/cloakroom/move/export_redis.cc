// cloakroom export STORE-DIR redis://...: records become keys, with their types and deadlines.
//
// A batch at a time, in two rounds: which of the keys are there (unless they are to be replaced),
// then for each record a transaction of its own, so that no client sees half a hash or a key
// without its deadline.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "copy/pace.h"
#include "copy/record_line.h"
#include "exit_codes.h"
#include "move/move.h"
#include "move/redis_client.h"
#include "move/redis_fetch.h"
#include "reading/isolate.h"
#include "reading/open_store.h"
#include "store/fields.h"
#include "store/keyspace.h"
#include "store/members.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBatchRecords = 250;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;
constexpr std::size_t kWordsMax = 1000;  // of one command

int cannot(const Status& status) {
  message(text_of(status));
  return status.code() == StatusCode::kInvalidArgument ? kExitUsage : kExitCannotOpen;
}

std::string score_text(double score) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), score);
  return error == std::errc() ? std::string(text.data(), end) : "0";
}

// Queues a command of many words in pieces; each begins with `head`. `per` words belong together.
class LongCommand {
 public:
  LongCommand(RedisClient& redis, std::string_view verb, std::string_view key, std::size_t per)
      : redis_(redis), per_(per), words_{verb, key} {}

  void add(std::string_view word) {
    words_.push_back(word);
    if (words_.size() >= kWordsMax && (words_.size() - 2) % per_ == 0) end();
  }
  void end() {
    if (words_.size() == 2) return;
    redis_.queue(words_);
    ++commands_;
    words_.resize(2);
  }
  [[nodiscard]] std::size_t commands() const noexcept { return commands_; }

 private:
  RedisClient& redis_;
  const std::size_t per_;
  std::vector<std::string_view> words_;
  std::size_t commands_ = 0;
};

// Queues what makes the value; the number of commands.
std::size_t queue_value(RedisClient& redis, const std::string& key, const RecordLine& record) {
  if (record.kind == Kind::kBytes) {
    redis.queue({"SET", key, record.value});
    return 1;
  }
  if (record.kind == Kind::kFields) {
    LongCommand hset(redis, "HSET", key, 2);
    (void)for_each_field(record.value, [&](const Field& field) {
      hset.add(field.name);
      hset.add(field.value);
      return true;
    });
    hset.end();
    return hset.commands();
  }
  if (is_set(record.value)) {
    LongCommand sadd(redis, "SADD", key, 1);
    for (const std::string_view member : decode_set(record.value)) sadd.add(member);
    sadd.end();
    return sadd.commands();
  }
  const SortedMembers members = decode_sorted_set(record.value);
  std::vector<std::string> scores;
  scores.reserve(members.size());
  for (const Scored& scored : members) scores.push_back(score_text(scored.score));
  LongCommand zadd(redis, "ZADD", key, 2);
  for (std::size_t i = 0; i < members.size(); ++i) {
    zadd.add(scores[i]);
    zadd.add(members[i].member);
  }
  zadd.end();
  return zadd.commands();
}

class RedisExport {
 public:
  RedisExport(const RedisExportOptions& options, RedisTarget target)
      : options_(options), target_(std::move(target)) {}

  int run() {
    const auto reader = open_reader(options_.dir);
    if (!reader) return kExitCannotOpen;
    auto redis = RedisClient::connect(target_);
    if (!redis) return cannot(redis.status());
    redis_ = *std::move(redis);
    const auto ahead = clock_ahead(*redis_);
    if (!ahead) return cannot(ahead.status());
    const StoreInfo& info = reader->info();
    to_wall_ = system_clock().wall_ms() - info.now + *ahead;
    Status sent;
    const Status walked = reader->for_each([&](const RecordView& record) {
      ++seen_;
      pace_.update(seen_, seen_, info.records_estimate);
      if (record.deadline < info.now) return true;
      sent = take(record);
      return sent.ok();
    });
    if (sent && walked) sent = send_batch();
    pace_.clear();
    if (!sent) return cannot(sent);
    if (!walked) {
      message(text_of(walked) + "; run `cloakroom verify " + options_.dir + "`");
      return walked.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
    }
    return tell();
  }

 private:
  struct Waiting {
    std::string key;
    RecordLine record;
    bool there = false;
    std::size_t commands = 0;
  };

  Status take(const RecordView& record) {
    const auto key = database_key(record.key);
    if (!key || key->database != target_.database) return Status();
    if (record.kind == Kind::kSession) {
      if (left_out_++ == 0) {
        pace_.clear();
        message("left out: key " + escape(record.key) +
                " is a session of Cloakroom's own layer, which means nothing to a Redis; more of "
                "them are only counted");
      }
      return Status();
    }
    Waiting waiting;
    waiting.key = key->key;
    waiting.record.kind = record.kind;
    waiting.record.value = record.value;
    waiting.record.deadline = record.deadline;
    batch_bytes_ += record.value.size();
    batch_.push_back(std::move(waiting));
    const bool full = batch_.size() >= kBatchRecords || batch_bytes_ >= kBatchBytes;
    return full ? send_batch() : Status();
  }

  Status send_batch() {
    Status done = options_.replace ? Status() : ask_which_are_there();
    if (done && !options_.dry_run) done = store_batch();
    for (const Waiting& waiting : batch_) ++(waiting.there ? kept_ : stored_);
    batch_.clear();
    batch_bytes_ = 0;
    return done;
  }

  Status ask_which_are_there() {
    for (const Waiting& waiting : batch_) redis_->queue({"EXISTS", waiting.key});
    if (Status sent = redis_->send(); !sent) return sent;
    for (Waiting& waiting : batch_) {
      const auto answer = redis_->reply();
      if (!answer) return answer.status();
      if (answer->is_error()) return refused(*answer);
      waiting.there = answer->integer() != 0;
    }
    return Status();
  }

  Status store_batch() {
    for (Waiting& waiting : batch_) {
      if (waiting.there) continue;
      redis_->queue({"MULTI"});
      redis_->queue({"DEL", waiting.key});
      waiting.commands = 1 + queue_value(*redis_, waiting.key, waiting.record);
      if (waiting.record.deadline != kNever) {
        const std::string time = std::to_string(waiting.record.deadline + to_wall_);
        redis_->queue({"PEXPIREAT", waiting.key, time});
        ++waiting.commands;
      }
      redis_->queue({"EXEC"});
    }
    if (Status sent = redis_->send(); !sent) return sent;
    for (const Waiting& waiting : batch_) {
      if (waiting.there) continue;
      // MULTI, the commands, EXEC: whatever is refused makes EXEC refuse, or stands in its answer.
      Status wrong;
      for (std::size_t i = 0; i < waiting.commands + 2; ++i) {
        const auto answer = redis_->reply();
        if (!answer) return answer.status();
        if (answer->is_error() && wrong) wrong = refused(*answer);
        for (std::size_t j = 0; wrong && j < answer->size(); ++j) {
          if ((*answer)[j].is_error()) wrong = refused((*answer)[j]);
        }
      }
      if (!wrong) return wrong;
    }
    return Status();
  }

  Status refused(const Reply& answer) const {
    return Status(StatusCode::kIo, "the Redis at " + redis_->name() +
                                       " refuses a key: " + escape_text(answer.text()));
  }

  int tell() {
    if (options_.json) {
      print(Json{{"store", escape_text(options_.dir)},
                 {"redis", escape_text(target_.name())},
                 {"stored", stored_},
                 {"kept", kept_},
                 {"left_out", left_out_},
                 {"dry_run", options_.dry_run}}
                .dump() +
            "\n");
    } else {
      print((options_.dry_run ? "could export " : "exported ") + human_count(stored_) +
            " keys from " + escape_text(options_.dir) + " to " + escape_text(target_.name()) +
            ", " + pace_.rate(stored_) +
            (kept_ == 0 ? "" : "; " + human_count(kept_) + " were there and were kept") +
            (left_out_ == 0 ? "" : "; left out: " + human_count(left_out_)) + "\n");
    }
    return left_out_ == 0 ? kExitOk : kExitFindings;
  }

  const RedisExportOptions& options_;
  const RedisTarget target_;
  std::unique_ptr<RedisClient> redis_;
  Pace pace_{"exporting"};
  TimeMs to_wall_ = 0;  // from store time to the server's wall time
  std::vector<Waiting> batch_;
  std::size_t batch_bytes_ = 0;
  std::uint64_t seen_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t kept_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace

int run_export_redis(const RedisExportOptions& options) {
  auto target = redis_target(options.redis);
  if (!target) return cannot(target.status());
  if (!target->match.empty()) {
    message("an export takes no match; name whole stores, or select with `cloakroom export`");
    return kExitUsage;
  }
  return run_isolated(options.dir, [&] { return RedisExport(options, *target).run(); });
}

}  // namespace cloakroom::cli
