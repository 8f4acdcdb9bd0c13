// Sets, sorted sets and fields changed in place, beside a model that is encoded anew each time: the
// bytes must be the same, whatever the lengths and wherever the change.
#include "store/members.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/coding.h"
#include "store/fields.h"
#include "store/member_changes.h"
#include "store/splices.h"
#include "support/random_seed.h"

using namespace cloakroom;
using cloakroom::testing::below;
using cloakroom::testing::one_in;
using cloakroom::testing::Random;

namespace {

// Few enough that they meet; of all lengths at which their encoding changes.
std::string some_name(Random& random, std::size_t names) {
  const std::string number = std::to_string(below(random, names));
  switch (below(random, 8)) {
    case 0:
      return std::string(127 + below(random, 3), 'x') + number;
    case 1:
      return "\xff" + number;
    case 2:
      return number.substr(0, 1);
    default:
      return "session:" + number;
  }
}

double some_score(Random& random) {
  constexpr double kScores[] = {0, -0.0, 1, 2, -1, 1e300, -1e300, 0.5};
  if (one_in(random, 2)) return kScores[below(random, std::size(kScores))];
  return static_cast<double>(below(random, 1000));
}

std::vector<std::string> some_names(Random& random, std::size_t names) {
  std::vector<std::string> some;
  const std::size_t count = 1 + below(random, one_in(random, 4) ? 40 : 3);
  for (std::size_t i = 0; i < count; ++i) some.push_back(some_name(random, names));
  return some;
}

Members sorted_views(const std::vector<std::string>& names) {
  Members views(names.begin(), names.end());
  std::sort(views.begin(), views.end());
  views.erase(std::unique(views.begin(), views.end()), views.end());
  return views;
}

Members distinct_views(const std::vector<std::string>& names) {
  Members views;
  for (const std::string& name : names) {
    if (std::find(views.begin(), views.end(), name) == views.end()) views.push_back(name);
  }
  return views;
}

std::string encoded(const std::set<std::string>& members) {
  return members.empty() ? std::string() : encode_set(Members(members.begin(), members.end()));
}

using Scores = std::map<std::string, double>;

SortedMembers sorted(const Scores& scores) {
  SortedMembers members;
  for (const auto& [member, score] : scores) members.push_back({score, member});
  std::sort(members.begin(), members.end());
  return members;
}

std::string encoded(const Scores& scores) {
  return scores.empty() ? std::string() : encode_sorted_set(sorted(scores));
}

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string encoded(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    put_string(out, name);
    put_string(out, value);
  }
  return out;
}

auto find_name(Fields& fields, std::string_view name) {
  return std::find_if(fields.begin(), fields.end(),
                      [&](const auto& field) { return field.first == name; });
}

void add_some(Random& random, std::size_t names, Scores& model, std::string& value) {
  const auto added = some_names(random, names);
  const Members members = distinct_views(added);
  const auto places = find_scored(value, members);
  std::vector<NewScore> changes;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto known = model.find(std::string(members[i]));
    REQUIRE(places[i].score.has_value() == (known != model.end()));
    if (places[i].score) CHECK(*places[i].score == known->second);
    changes.push_back({members[i], some_score(random), places[i]});
    model[std::string(members[i])] = changes.back().score;
  }
  set_scores(value, changes);
}

void look_at(const Scores& model, const std::string& value, const std::vector<std::string>& names) {
  const Members wanted(names.begin(), names.end());
  const auto scores = scores_of(value, wanted);
  const SortedMembers members = sorted(model);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto known = model.find(names[i]);
    const auto rank = rank_of(value, names[i]);
    REQUIRE(scores[i].has_value() == (known != model.end()));
    REQUIRE(rank.has_value() == scores[i].has_value());
    CHECK(score_of(value, names[i]) == scores[i]);
    if (!rank) continue;
    CHECK(*scores[i] == known->second);
    CHECK(members[*rank].member == names[i]);
  }
}

}  // namespace

TEST_CASE("members: a set that is changed in place is the set that is encoded anew") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (const std::size_t names : {4U, 60U, 400U}) {
    std::set<std::string> model;
    std::string value;
    for (int i = 0; i < 1500; ++i) {
      const auto some = some_names(random, names);
      const Members views = sorted_views(some);
      const std::size_t before = model.size();
      if (one_in(random, 2)) {
        model.insert(some.begin(), some.end());
        REQUIRE(add_to_set(value, views) == model.size() - before);
      } else if (one_in(random, 3) && !model.empty()) {
        const std::vector<std::size_t> places{below(random, model.size())};
        const auto taken = take_from_set(value, places);
        REQUIRE(taken.size() == 1);
        REQUIRE(model.erase(taken[0]) == 1);
      } else {
        for (const auto view : views) model.erase(std::string(view));
        REQUIRE(remove_from_set(value, views) == before - model.size());
      }
      REQUIRE(value == encoded(model));
      const Members asked(some.begin(), some.end());
      const auto found = set_contains_each(value, asked);
      for (std::size_t n = 0; n < some.size(); ++n) {
        REQUIRE(found[n] == model.contains(some[n]));
        REQUIRE(set_contains(value, some[n]) == found[n]);
      }
    }
  }
}

TEST_CASE("members: a sorted set that is changed in place is the one that is encoded anew") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (const std::size_t names : {4U, 60U, 400U}) {
    Scores model;
    std::string value;
    for (int i = 0; i < 1500; ++i) {
      const auto some = some_names(random, names);
      const std::size_t before = model.size();
      if (one_in(random, 2)) {
        add_some(random, names, model, value);
      } else if (one_in(random, 3)) {
        const bool highest = one_in(random, 2);
        const auto taken = take_scored(value, highest, below(random, 4));
        for (const auto& [member, score] : taken) {
          const SortedMembers members = sorted(model);
          const Scored& outermost = highest ? members.back() : members.front();
          REQUIRE(outermost.member == member);
          REQUIRE(outermost.score == score);
          model.erase(member);
        }
      } else if (one_in(random, 3) && !model.empty()) {
        const SortedMembers members = decode_sorted_set(value);
        const std::size_t from = below(random, members.size());
        const std::size_t to = from + below(random, members.size() - from + 1);
        const SortedMembers run(members.begin() + static_cast<std::ptrdiff_t>(from),
                                members.begin() + static_cast<std::ptrdiff_t>(to));
        for (const Scored& scored : run) model.erase(std::string(scored.member));
        remove_run(value, run);
      } else {
        for (const auto& name : some) model.erase(name);
        REQUIRE(remove_scored(value, Members(some.begin(), some.end())) == before - model.size());
      }
      REQUIRE(value == encoded(model));
      REQUIRE(member_count(value) == model.size());
      look_at(model, value, some);
    }
  }
}

TEST_CASE("members: fields that are changed in place are those that are encoded anew") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (const std::size_t names : {4U, 60U, 400U}) {
    Fields model;
    std::string value;
    for (int i = 0; i < 1500; ++i) {
      const auto some = some_names(random, names);
      const Members views(some.begin(), some.end());
      const std::size_t before = model.size();
      if (one_in(random, 2)) {
        std::vector<std::string> values;
        for (std::size_t n = 0; n < some.size(); ++n) values.push_back(some_name(random, names));
        std::vector<Field> fields;
        for (std::size_t n = 0; n < some.size(); ++n) {
          fields.push_back({some[n], values[n]});
          const auto known = find_name(model, some[n]);
          if (known != model.end()) known->second = values[n];
          if (known == model.end()) model.emplace_back(some[n], values[n]);
        }
        const auto put = put_fields(value, fields);
        REQUIRE(put.ok());
        REQUIRE(*put == model.size() - before);
      } else {
        std::erase_if(model, [&](const auto& field) {
          return std::find(some.begin(), some.end(), field.first) != some.end();
        });
        const auto cut = cut_fields(value, views);
        REQUIRE(cut.ok());
        REQUIRE(*cut == before - model.size());
      }
      REQUIRE(value == encoded(model));
      const auto found = find_fields(value, views);
      for (std::size_t n = 0; n < some.size(); ++n) {
        const auto known = find_name(model, some[n]);
        REQUIRE(found[n].has_value() == (known != model.end()));
        if (found[n]) REQUIRE(*found[n] == known->second);
      }
    }
  }
}

TEST_CASE("members: a member that moves takes its bytes along in both directions") {
  std::string value = encode_sorted_set({{1, "a"}, {2, "bb"}, {3, "c"}, {4, "d"}});
  const auto move = [&](std::string_view member, double score) {
    const Members one{member};
    const NewScore change{member, score, find_scored(value, one)[0]};
    set_scores(value, {&change, 1});
  };
  move("bb", 9);
  CHECK(value == encode_sorted_set({{1, "a"}, {3, "c"}, {4, "d"}, {9, "bb"}}));
  move("bb", 0);
  CHECK(value == encode_sorted_set({{0, "bb"}, {1, "a"}, {3, "c"}, {4, "d"}}));
  move("bb", 0.5);
  CHECK(value == encode_sorted_set({{0.5, "bb"}, {1, "a"}, {3, "c"}, {4, "d"}}));
}

TEST_CASE("members: what is put at one place lies there in order, before what is cut away") {
  std::string text = "0123456789";
  Splices splices;
  splices.put(3, "a");
  splices.cut(3, 5);
  splices.put(3, "b");
  splices.replace(8, 9, "xyz");
  splices.put(10, "!");
  splices.apply(text);
  CHECK(text == "012ab567xyz9!");
  CHECK(splices.empty());
}

// Values that the host's own code stored as members need not be any.
TEST_CASE("members: of bytes that are no collection nothing is read beyond their end") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(1, static_cast<char>(1 + below(random, 2)));
    const std::size_t size = below(random, 60);
    for (std::size_t n = 0; n < size; ++n) {
      bytes.push_back(static_cast<char>(one_in(random, 3) ? below(random, 256) : below(random, 6)));
    }
    // In an allocation of its own size, so that the sanitizer sees every step too far.
    std::string value(bytes);
    value.shrink_to_fit();
    if (is_set(value)) {
      (void)decode_set(value);
      (void)set_contains(value, "m");
      (void)remove_from_set(value, {"", "a"});
      if (!value.empty()) (void)add_to_set(value, {"", "m"});
    } else {
      (void)decode_sorted_set(value);
      (void)rank_of(value, "m");
      (void)remove_scored(value, Members{"", "a"});
      (void)take_scored(value, one_in(random, 2), 2);
      const Members names{"m", ""};
      const auto places = find_scored(value, names);
      const std::vector<NewScore> changes{{"m", 1, places[0]}, {"", -1, places[1]}};
      set_scores(value, changes);
    }
    (void)find_field(bytes, "m");
    const Field field{"m", "v"};
    (void)put_fields(bytes, {&field, 1});
  }
}
