#include "sessions/resurrect_world.h"

#include <algorithm>
#include <set>

#include "sessions/attributes.h"
#include "sessions/session_record.h"

namespace cloakroom::testing {
namespace {

constexpr Millis kGrace = 1s;
constexpr Millis kBriefIdle = 1s;
constexpr std::uint64_t kStepsOfAWorld = 400;
constexpr std::size_t kLivesMax = 14;

bool is_over(StatusCode code) {
  return code == StatusCode::kEnded || code == StatusCode::kNotFound;
}

SessionsOptions options_of_world() {
  SessionsOptions options;
  options.idle_timeout = 10h;
  options.lifetime = Millis(std::chrono::hours(1000));
  options.rotate_grace = kGrace;
  options.rotate_grace_uses = 4;
  options.keys = {std::string(32, 'k')};
  return options;
}

}  // namespace

ResurrectWorld::ResurrectWorld(std::uint64_t seed, PlantedFault fault)
    : random_(seed), fault_(fault) {
  auto keys = TokenKeys::derive(options_of_world().keys, "sess");
  REQUIRE_OK(keys);
  keys_.emplace(*std::move(keys));
}

void ResurrectWorld::begin_anew() {
  lives_.clear();
  old_tokens_.clear();
  world_.reset();
  SessionsHooks hooks;
  hooks.between = [this] { between(); };
  world_ = std::make_unique<FakeDiskFixture>(options_of_world(), std::move(hooks));
}

std::uint64_t ResurrectWorld::run(std::uint64_t count) {
  std::uint64_t done = 0;
  for (; done < count && wrong_.empty(); ++done) {
    if (done % kStepsOfAWorld == 0) begin_anew();
    one_interleaving();
  }
  nests_ = 0;
  return done;
}

void ResurrectWorld::between() {
  if (nests_ == 0 || one_in(random_, 3)) return;
  --nests_;
  doing_ += " (";
  one_operation();
  doing_ += " )";
}

void ResurrectWorld::one_interleaving() {
  nests_ = 1 + static_cast<int>(below(random_, 2));
  doing_.clear();
  one_operation();
  nests_ = 0;
  check(one_in(random_, 16));
  if (one_in(random_, 40)) restart();
}

void ResurrectWorld::one_operation() {
  const auto begin = [&](const char* name) { doing_ += std::string(" ") + name; };
  switch (below(random_, 16)) {
    case 0:
    case 1:
      begin("create");
      return create();
    case 2:
    case 3:
    case 4:
    case 5:
      begin("save");
      return load_change_save();
    case 6:
      begin("update");
      return update();
    case 7:
    case 8:
    case 9:
      begin("rotate");
      return rotate();
    case 10:
    case 11:
      begin("destroy");
      return destroy();
    case 12:
      begin("destroy_handle");
      return destroy_handle();
    case 13:
      begin("destroy_all");
      return destroy_all();
    case 14:
      if (!one_in(random_, 4)) return load_change_save();
      begin("end_everyone");
      return end_everyone();
    default:
      begin("time");
      return let_time_pass();
  }
}

// --- operations ------------------------------------------------------------------------------

ResurrectWorld::Life* ResurrectWorld::pick() {
  if (lives_.empty()) return nullptr;
  return &lives_[below(random_, lives_.size())];
}

void ResurrectWorld::end(Life& life) {
  if (life.ended) return;
  life.ended = true;
  life.ended_at = ++step_;
}

void ResurrectWorld::look_whether_it_ended(Life& life) {
  if (!life.ended && is_over(sessions().peek(life.token).code())) end(life);
}

// Told that it has ended: true when it has, as far as anybody can know, and from now on surely.
bool ResurrectWorld::may_have_ended(Life& life) {
  if (std::find(ending_.begin(), ending_.end(), life.owner) != ending_.end()) end(life);
  return life.ended;
}

void ResurrectWorld::create() {
  if (lives_.size() >= kLivesMax) {
    const auto ended =
        std::find_if(lives_.begin(), lives_.end(), [](const Life& l) { return l.ended; });
    if (ended == lives_.end() || nests_ == 0) return load_change_save();
  }
  const std::uint64_t began = ++step_;
  Life life;
  life.owner = one_in(random_, 4) ? "" : random_owner();
  life.brief = one_in(random_, 3);
  const auto session = sessions().create(
      {.owner = life.owner,
       .idle_timeout = life.brief ? std::optional<Millis>(kBriefIdle) : std::nullopt});
  if (!session) return complain("create: " + session.status().to_string());
  life.handle = session->handle();
  life.token = session->token();
  life.owned_at = ++step_;
  (void)began;
  lives_.push_back(life);
  // What ended everybody may have come in between.
  look_whether_it_ended(lives_.back());
}

std::optional<Session> ResurrectWorld::load(Life& life) {
  const std::uint64_t began = ++step_;
  const std::string token = life.token;
  auto session = sessions().load(token);
  if (!session) {
    if (!is_over(session.code())) complain("load: " + session.status().to_string());
    // Rotated away meanwhile, without a grace, is no end of the session.
    if (token == life.token && !may_have_ended(life)) complain("a living session is not served");
    return std::nullopt;
  }
  if (life.ended && life.ended_at < began) complain("an ended session was served");
  if (session->handle() != life.handle) complain("a token leads to another session");
  return *std::move(session);
}

void ResurrectWorld::load_change_save() {
  Life* const life = pick();
  if (life == nullptr) return;
  std::string raw;
  if (fault_ == PlantedFault::kSaveInserts) {
    (void)store().visit(key_of(life->token), [&](const RecordView& view) { raw = view.value; });
  }
  std::optional<Session> session = load(*life);
  if (!session) return;
  between();  // the request works with it
  const bool conflicts = one_in(random_, 4);
  session->increment("n");
  session->set(text("x", below(random_, 3)), std::to_string(random_()));
  Status saved;
  if (fault_ == PlantedFault::kSaveInserts) {
    if (!save_by_put(*life, raw)) return;
  } else if (fault_ == PlantedFault::kSaveWholeSession) {
    const std::string sum(*session->get("n"));
    saved = sessions()
                .update(session->token(), [&](Session& current) { current.set("n", sum); })
                .status();
  } else {
    saved = sessions().save(*session, {.refuse_conflicts = conflicts});
  }
  if (saved) {
    if (life->ended) complain("save of an ended session said ok");
    ++life->counter;
  } else if (!is_over(saved.code()) && !(conflicts && saved.code() == StatusCode::kConflict)) {
    complain("save: " + saved.to_string());
  }
}

void ResurrectWorld::update() {
  Life* const life = pick();
  if (life == nullptr) return;
  const auto updated =
      sessions().update(life->token, [](Session& session) { session.increment("n"); });
  if (updated) {
    if (life->ended) complain("update of an ended session said ok");
    ++life->counter;
  } else if (!is_over(updated.code())) {
    complain("update: " + updated.status().to_string());
  }
}

void ResurrectWorld::new_token(Life& life, const Session& session, Millis grace) {
  if (session.handle() != life.handle) complain("a rotation changed the handle");
  old_tokens_.push_back({life.token, life.handle, now() + grace.count()});
  if (old_tokens_.size() > 40) old_tokens_.erase(old_tokens_.begin());
  life.token = session.token();
}

void ResurrectWorld::rotate() {
  Life* const life = pick();
  if (life == nullptr) return;
  if (fault_ == PlantedFault::kRotateInTwoSteps) {
    (void)rotate_in_two_steps(*life);
    return;
  }
  std::optional<Session> session = load(*life);
  if (!session) return;
  between();
  RotateOptions options;
  const std::string owner = random_owner();
  if (one_in(random_, 3)) options.owner = owner;
  if (one_in(random_, 3)) options.reauthenticated = true;
  const bool raises = options.owner || options.reauthenticated;
  const Status rotated = sessions().rotate(*session, options);
  if (!rotated) {
    if (!is_over(rotated.code()) && rotated.code() != StatusCode::kConflict) {
      complain("rotate: " + rotated.to_string());
    }
    return;
  }
  if (life->ended) complain("rotate of an ended session said ok");
  new_token(*life, *session, raises ? Millis(-1) : kGrace);
  if (options.owner) {
    life->owner = owner;
    life->owned_at = ++step_;
  }
}

void ResurrectWorld::destroy() {
  Life* const life = pick();
  if (life == nullptr) return;
  EndOptions options;
  if (fault_ == PlantedFault::kLogoutNotDurable) options.durability = Durability::kMemory;
  const auto ended = sessions().destroy(life->token, options);
  if (!ended && !is_over(ended.code())) complain("destroy: " + ended.status().to_string());
  if (!ended && !may_have_ended(*life)) complain("destroy said that a living session had ended");
  if (ended && life->ended) complain("destroy said that it ended an ended session");
  end(*life);
}

void ResurrectWorld::destroy_handle() {
  Life* const life = pick();
  if (life == nullptr || life->owner.empty()) return;
  const std::uint64_t began = ++step_;
  const std::string owner = life->owner;
  ending_.push_back(owner);
  const auto ended = sessions().destroy_handle(owner, life->handle);
  ending_.pop_back();
  if (!ended && !is_over(ended.code())) complain("destroy_handle: " + ended.status().to_string());
  if (life->owned_at > began) return look_whether_it_ended(*life);
  if (!ended && !may_have_ended(*life)) complain("destroy_handle did not find a living session");
  end(*life);
}

void ResurrectWorld::destroy_all() {
  const std::string owner = random_owner();
  const Life* const kept = one_in(random_, 2) ? pick() : nullptr;
  const std::string kept_handle = kept != nullptr && !kept->ended ? kept->handle : "";
  const std::string kept_token = kept != nullptr ? kept->token : "";
  const std::uint64_t began = ++step_;
  ending_.push_back(owner);
  if (fault_ == PlantedFault::kStaleList && kept == nullptr) {
    destroy_listed(owner);
  } else {
    const auto ended = sessions().destroy_all(owner, kept_token);
    if (!ended) return complain("destroy_all: " + ended.status().to_string());
  }
  ending_.pop_back();
  for (Life& life : lives_) {
    // Whoever came to the owner, or left, in the meantime may have been met or not.
    if (life.owned_at > began) {
      look_whether_it_ended(life);
    } else if (life.owner == owner && life.handle != kept_handle) {
      end(life);
    }
  }
}

void ResurrectWorld::end_everyone() {
  const auto ended = sessions().end_everyone();
  if (!ended) complain("end_everyone: " + ended.status().to_string());
  for (Life& life : lives_) end(life);
}

// Longer than a brief session lives, and what a crash may have added to it; and than a grace.
void ResurrectWorld::let_time_pass() {
  world_->clock.advance(kBriefIdle + 1500ms);
  if (one_in(random_, 2)) store().sweep();
  for (Life& life : lives_) {
    if (life.brief) end(life);
  }
}

void ResurrectWorld::restart() {
  doing_ = " restart";
  ++restarts_;
  const std::uint64_t kind = below(random_, 3);
  const std::size_t keep = below(random_, 4);
  if (kind == 0) {
    world_->restart();
  } else if (kind == 1) {
    world_->kill_process(keep);
  } else {
    world_->cut_power(keep);
  }
  settle(kind == 2);
  check(true);
}

// A power cut may take what was acknowledged as kProcess: counters, and sessions of nobody.
void ResurrectWorld::settle(bool power_cut) {
  if (!power_cut) return;
  for (Life& life : lives_) {
    if (life.ended) continue;
    if (life.owner.empty()) look_whether_it_ended(life);
    const auto session = sessions().peek(life.token);
    if (!session) continue;
    const std::int64_t left = parse_decimal(session->get("n").value_or("0")).value_or(-1);
    if (left < 0 || left > life.counter) complain("a power cut invented a counter");
    life.counter = left;
  }
}

// --- checks ----------------------------------------------------------------------------------

void ResurrectWorld::complain(const std::string& what) {
  wrong_ += what + " (during:" + doing_ + "; step " + std::to_string(step_) + ")\n";
}

void ResurrectWorld::check(bool all) {
  if (all) {
    for (Life& life : lives_) check_life(life);
    for (const OldToken& old : old_tokens_) check_old_token(old);
    for (std::uint64_t i = 0; i < 3; ++i) check_list(text("owner", i));
    return;
  }
  for (int i = 0; i < 3; ++i) {
    if (Life* const life = pick()) check_life(*life);
    if (!old_tokens_.empty()) check_old_token(old_tokens_[below(random_, old_tokens_.size())]);
  }
  check_list(random_owner());
}

void ResurrectWorld::check_life(Life& life) {
  ++checks_;
  const auto session = sessions().peek(life.token);
  if (life.ended) {
    if (session)
      complain("an ended session is alive");
    else if (!is_over(session.code()))
      complain("peek: " + session.status().to_string());
    return;
  }
  if (!session) return complain("a living session is gone: " + session.status().to_string());
  if (session->handle() != life.handle) complain("a token leads to another session");
  if (session->owner() != life.owner) complain("a session has another owner");
  if (session->get("n").value_or("0") != std::to_string(life.counter)) {
    complain("an acknowledged change is missing");
  }
}

void ResurrectWorld::check_old_token(const OldToken& old) {
  ++checks_;
  const auto session = sessions().peek(old.token);
  if (!session) return;
  if (now() > old.grace_until) complain("a rotated token is served after its grace");
  if (session->handle() != old.handle) complain("a rotated token leads to another session");
}

void ResurrectWorld::check_list(const std::string& owner) {
  ++checks_;
  const auto list = sessions().list(owner);
  if (!list) return complain("list: " + list.status().to_string());
  std::multiset<std::string> listed;
  for (const SessionInfo& info : *list) listed.insert(info.handle);
  std::multiset<std::string> living;
  for (const Life& life : lives_) {
    if (!life.ended && life.owner == owner) living.insert(life.handle);
  }
  if (listed != living) complain("the list of an owner is wrong");
}

// --- planted faults --------------------------------------------------------------------------

std::string ResurrectWorld::key_of(std::string_view token) const {
  Digest digest;
  REQUIRE(keys_->check(token, digest) == TokenKeys::Verdict::kOurs);
  return std::string(RecordKey("sess", digest).view());
}

bool ResurrectWorld::save_by_put(const Life& life, std::string value) {
  LiveRecord live;
  std::string attributes;
  if (!decode(value, live)) return false;
  const std::vector<AttributeChange> changes{
      {.kind = AttributeChange::Kind::kAdd, .name = "n", .delta = 1}};
  if (!change_attributes(live.attributes, changes, attributes)) return false;
  live.attributes = attributes;
  return store()
      .put(key_of(life.token), encode(live),
           {.ttl = live.idle_timeout, .owner = life.owner, .kind = Kind::kSession})
      .ok();
}

bool ResurrectWorld::rotate_in_two_steps(Life& life) {
  const std::string from = key_of(life.token);
  std::string value;
  const auto seen = store().visit(from, [&](const RecordView& view) { value = view.value; });
  LiveRecord live;
  TokenText token;
  Digest digest;
  if (!seen || !decode(value, live)) return false;
  const RandomSource random = [](std::span<unsigned char> out) { return random_bytes(out); };
  if (!keys_->draw(random, token, digest)) return false;
  REQUIRE_OK(store().put(RecordKey("sess", digest).view(), value,
                         {.ttl = live.idle_timeout, .owner = life.owner, .kind = Kind::kSession}));
  between();
  REQUIRE(!store().erase(from).message().size());
  old_tokens_.push_back({life.token, life.handle, 0});
  life.token.assign(token.data(), token.size());
  return true;
}

void ResurrectWorld::destroy_listed(const std::string& owner) {
  const auto records = store().owned_by(owner);
  REQUIRE_OK(records);
  between();
  for (const OwnedRecord& record : *records) (void)store().erase(record.key);
}

}  // namespace cloakroom::testing
