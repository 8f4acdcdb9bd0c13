#include "offline/family_merge.h"

#include <algorithm>
#include <utility>

namespace cloakroom {
namespace {

constexpr const char* kTableRemedy =
    "restore a backup, or save the rest with `cloakroom repair STORE-DIR NEW-DIR`";

}  // namespace

void FamilyMerge::add(std::string name, std::unique_ptr<TableWalk> walk,
                      const std::optional<ListedTable>& listed) {
  bytes_total_ += walk->file_bytes();
  entries_total_ += walk->properties().entries.value_or(0);
  sources_.push_back(std::make_unique<Source>());
  sources_.back()->name = std::move(name);
  sources_.back()->walk = std::move(walk);
  sources_.back()->listed = listed;
}

void FamilyMerge::add_lost(const std::optional<ListedTable>& listed) {
  sources_.push_back(std::make_unique<Source>());
  sources_.back()->listed = listed;
}

// What was given last stays where it is until somebody wants the next one.
bool FamilyMerge::next(MergedEntry& entry) {
  if (!std::exchange(begun_, true)) {
    for (const auto& source : sources_) {
      if (source->walk && source->walk->next(source->entry)) heap_.push_back(source.get());
    }
    std::ranges::make_heap(heap_, later);
  } else {
    while (!heap_.empty() && heap_.front()->entry.key == last_key_) advance_top();
  }
  if (heap_.empty()) return false;
  const Source& top = *heap_.front();
  last_key_.assign(top.entry.key);
  entry = {.key = top.entry.key,
           .value = top.entry.value,
           .sequence = top.entry.sequence,
           .erased = top.entry.erased,
           .file = top.name,
           .block = top.entry.block};
  return true;
}

void FamilyMerge::advance_top() {
  Source* const top = heap_.front();
  if (heap_.size() == 1) {  // Most stores have one large file.
    if (!top->walk->next(top->entry)) heap_.clear();
    return;
  }
  std::ranges::pop_heap(heap_, later);
  if (top->walk->next(top->entry)) {
    std::ranges::push_heap(heap_, later);
  } else {
    heap_.pop_back();
  }
}

// Then what is damaged held none.
bool FamilyMerge::all_were_read(const Source& source) {
  const auto& entries = source.walk->properties().entries;
  return entries && *entries == source.walk->entries();
}

bool FamilyMerge::covers(const Source& source, std::string_view key) {
  if (source.listed && (key < source.listed->smallest || key > source.listed->largest)) {
    return false;
  }
  if (!source.walk) return true;
  if (all_were_read(source)) return false;
  const bool around = std::ranges::any_of(source.walk->damages(), [&](const TableDamage& damage) {
    // A file holds one state of a key: those around what is lost are not in it.
    return damage.entries_lost && (!damage.after || key > *damage.after) &&
           (!damage.before || key < *damage.before);
  });
  if (!around) return false;
  return source.listed ? source.walk->may_hold(key, source.listed->smallest, source.listed->largest)
                       : source.walk->may_hold(key, {}, {});
}

bool FamilyMerge::covers_lost(std::string_view key, std::optional<std::uint64_t> sequence) const {
  return std::ranges::any_of(sources_, [&](const auto& source) {
    const bool damaged = !source->walk || !source->walk->damages().empty();
    const bool newer = !source->listed || !sequence || source->listed->largest_sequence > *sequence;
    return damaged && newer && covers(*source, key);
  });
}

void FamilyMerge::report(FunctionRef<void(const Finding&)> report) const {
  for (const auto& source : sources_) {
    if (!source->walk) continue;  // whoever added it has told why
    const auto& expected = source->walk->properties().entries;
    const std::uint64_t read = source->walk->entries();
    for (const TableDamage& damage : source->walk->damages()) {
      Finding finding{.file = source->name,
                      .key = {},
                      .what = damage.what,
                      .remedy = kTableRemedy,
                      .offset = damage.offset};
      if (damage.entries_lost && !all_were_read(*source)) {
        finding.after = damage.after;
        finding.before = damage.before;
        finding.loses_records = true;
        if (expected && *expected >= read) finding.lost = *expected - read;
      }
      report(finding);
    }
  }
}

std::uint64_t FamilyMerge::entries_read() const noexcept {
  std::uint64_t entries = 0;
  for (const auto& source : sources_) {
    if (source->walk) entries += source->walk->entries();
  }
  return entries;
}

}  // namespace cloakroom
