#include "offline/salvage.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/file.h"
#include "journal/disk_record.h"
#include "journal/recovery.h"
#include "journal/rocks_crc.h"
#include "journal/rocks_options.h"
#include "journal/superblock.h"
#include "offline/family_merge.h"
#include "offline/file_list.h"
#include "offline/left_changes.h"
#include "offline/ring_scan.h"
#include "offline/store_files.h"
#include "offline/table_walk.h"

namespace cloakroom {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRepairRemedy =
    "restore a backup, or save the rest with `cloakroom repair STORE-DIR NEW-DIR`";
constexpr std::uint64_t kProgressEvery = 1024;
constexpr std::uint64_t kLikeliestFamily = kRecordsFamily;

class Work final : public Salvage {
 public:
  // `believe_list`: false when its end is known to be lost.
  explicit Work(bool believe_list) : believe_list_(believe_list) {}

  // A list that is sound and too short: something is missing, and there are table files that it
  // does not name. An end that was cut off between two edits cannot be seen in the list itself.
  [[nodiscard]] bool list_is_too_short() const {
    const bool unnamed = std::ranges::any_of(
        files_.tables, [&](const auto& table) { return !list_.tables.contains(table.first); });
    return trusted() && unnamed && (head_lost_ || changes_->has_holes());
  }

  Status begin(const std::string& dir, Report report) {
    dir_ = dir;
    std::vector<Finding> missed;  // told only of what is a store
    const auto note = [&](const Finding& finding) { missed.push_back(finding); };
    if (Status looked = look_at_superblock(note); !looked) return looked;
    if (Status listed = list_files(note); !listed) return listed;
    const bool anything = superblock_.there || !files_.tables.empty() || !files_.logs.empty() ||
                          exists(dir + "/" + kRingName);
    if (!anything) {
      return Status(StatusCode::kNotFound,
                    "no store in " + dir + ": it holds none of a store's files; check the path");
    }
    for (const Finding& finding : missed) report(finding);
    if (Status tables = open_tables(report); !tables) return tables;
    return read_changes(report);
  }

  const SalvagedStore& store() const override { return store_; }
  bool in_doubt() const override { return in_doubt_ || changes_->has_holes(); }

  Status each(Visit f, Report report,
              FunctionRef<void(std::uint64_t, std::uint64_t)> progress) override;
  void check_files(Report report) override;

 private:
  Status look_at_superblock(Report report);
  Status list_files(Report report);
  Status open_tables(Report report);
  void open_table(std::uint64_t number, const std::optional<ListedTable>& listed, Report report);
  FamilyMerge* merge_of(std::uint64_t family);
  void read_meta(Report report);
  Status read_changes(Report report);
  Status read_logs(Report report);
  Result<Version> read_ring(Report report);
  void note_identity(Report report);
  bool trusted() const { return list_.whole; }

  // The newest state of a key's deadline, from table files and logs.
  void resolve_deadline(RecordView& record, const KeyChanges* changes, Report report);
  void advance_deadlines(std::string_view key);
  bool visit_key(std::string_view key, const MergedEntry* entry, const KeyChanges* changes, Visit f,
                 Report report);
  bool give(RecordView record, const KeyChanges* changes, bool of_ring, bool uncertain, Visit f,
            Report report);

  const bool believe_list_;
  bool head_lost_ = false;
  std::string dir_;
  SuperblockLook superblock_;
  StoreFiles files_;
  FileList list_;
  FamilyMerge records_;
  FamilyMerge deadlines_;
  FamilyMerge meta_;
  std::optional<Head> flushed_;
  std::string id_;  // in the database; empty: not found
  std::optional<LeftChanges> changes_;
  SalvagedStore store_;
  bool in_doubt_ = false;

  // While each() runs.
  MergedEntry deadline_;
  bool has_deadline_ = false;
  std::uint64_t version_bound_ = 0;
  std::uint64_t grants_lost_ = 0;
  std::set<std::string> told_;  // files of which damage was reported
};

Status Work::look_at_superblock(Report report) {
  Result<SuperblockLook> look = cloakroom::look_at_superblock(dir_);
  if (!look) return look.status();
  superblock_ = *std::move(look);
  if (!superblock_.there) {
    report({.file = kSuperblockName,
            .key = {},
            .what = "it is missing: it says which store this is and how far it was synced",
            .remedy = kRepairRemedy});
  }
  for (const auto& damage : superblock_.damages) {
    report({.file = kSuperblockName,
            .key = {},
            .what = damage.what,
            .remedy = kRepairRemedy,
            .offset = damage.offset});
  }
  return Status();
}

Status Work::list_files(Report report) {
  const std::string rocks = dir_ + "/" + kRocksName;
  std::error_code failed;
  const bool there = fs::is_directory(rocks, failed);
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return io_error("open", rocks, failed.value());
  }
  if (!there) {
    if (superblock_.there) {
      report({.file = kRocksName, .key = {}, .what = "it is missing", .remedy = kRepairRemedy});
    }
    return Status();
  }
  Result<StoreFiles> files = store_files(dir_);
  if (!files) return files.status();
  files_ = *std::move(files);
  Result<FileList> list = read_file_list(rocks);
  if (!list) return list.status();
  list_ = *std::move(list);
  if (!believe_list_) {
    list_.whole = false;
    report({.file = rocks_file(list_.manifest),
            .key = {},
            .what = "its end is lost: table files are there that it does not name, and what they "
                    "hold is missing without them",
            .remedy = kRepairRemedy});
  }
  if (!list_.lost.empty()) {
    report({.file = rocks_file("CURRENT"), .key = {}, .what = list_.lost, .remedy = kRepairRemedy});
  }
  for (const LogDamage& damage : list_.damages) {
    report({.file = rocks_file(list_.manifest),
            .key = {},
            .what = damage.what,
            .remedy = kRepairRemedy,
            .offset = damage.offset});
  }
  tell_strangers(dir_, files_, list_, report);
  return Status();
}

FamilyMerge* Work::merge_of(std::uint64_t family) {
  switch (family) {
    case kRecordsFamily:
      return &records_;
    case kDeadlinesFamily:
      return &deadlines_;
    case kMetaFamily:
      return &meta_;
    default:
      return nullptr;
  }
}

void Work::open_table(std::uint64_t number, const std::optional<ListedTable>& listed,
                      Report report) {
  const std::string name = rocks_file(table_name(number));
  auto walk = TableWalk::open(dir_ + "/" + name);
  if (!walk) {
    report({.file = name,
            .key = {},
            .what = walk.status().message(),
            .remedy = kRepairRemedy,
            .loses_records = true});
    if (FamilyMerge* merge = merge_of(listed ? listed->family : kLikeliestFamily)) {
      merge->add_lost(listed);
    }
    return;
  }
  // What the file says of itself counts; the list may mean another one.
  const auto& own = (*walk)->properties().family;
  const bool matches = listed && (!own || *own == listed->family);
  const std::uint64_t family = own ? *own : listed ? listed->family : kLikeliestFamily;
  if (listed && !matches) {
    report({.file = name,
            .key = {},
            .what = "its content is of another column family than the list of files says: files "
                    "were mixed up",
            .remedy = kRepairRemedy});
  }
  if (listed && (*walk)->file_bytes() != listed->bytes) {
    report({.file = name,
            .key = {},
            .what = "it has " + std::to_string((*walk)->file_bytes()) + " bytes instead of " +
                    std::to_string(listed->bytes),
            .remedy = kRepairRemedy});
    told_.insert(name);
  }
  const bool believed = matches && (*walk)->file_bytes() <= listed->bytes;
  if (FamilyMerge* merge = merge_of(family)) {
    merge->add(name, *std::move(walk), believed ? listed : std::nullopt);
  }
}

Status Work::open_tables(Report report) {
  in_doubt_ = !trusted();
  if (trusted()) {
    for (const auto& [number, table] : list_.tables) {
      if (files_.tables.contains(number)) {
        open_table(number, table, report);
        continue;
      }
      report({.file = rocks_file(table_name(number)),
              .key = {},
              .what = "it is missing",
              .remedy = kRepairRemedy,
              .loses_records = table.family != kMetaFamily,
              .after = table.smallest,
              .before = table.largest});
      if (FamilyMerge* merge = merge_of(table.family)) merge->add_lost(table);
    }
  } else {
    for (const auto& [number, name] : files_.tables) {
      const auto listed = list_.tables.find(number);
      open_table(number,
                 listed == list_.tables.end() ? std::nullopt : std::optional(listed->second),
                 report);
    }
  }
  store_.table_bytes = records_.bytes_total() + deadlines_.bytes_total() + meta_.bytes_total();
  read_meta(report);
  return Status();
}

void Work::read_meta(Report report) {
  MergedEntry entry;
  while (meta_.next(entry)) {
    if (entry.key == kIdKey) id_ = std::string(entry.value);
    if (entry.key != kHeadKey) continue;
    if (const auto head = parse_head(entry.value)) {
      flushed_ = *head;
    } else {
      report({.file = std::string(entry.file),
              .key = {},
              .what = head.status().message(),
              .remedy = kRepairRemedy,
              .offset = entry.block});
    }
  }
  meta_.report([&](const Finding& finding) {
    told_.insert(finding.file);
    report(finding);
  });
}

Status Work::read_logs(Report report) {
  for (auto log = files_.logs.begin(); log != files_.logs.end(); ++log) {
    const std::uint64_t number = log->first;
    const bool needed = list_.needs_log(kRecordsFamily, number) ||
                        list_.needs_log(kDeadlinesFamily, number) ||
                        list_.needs_log(kMetaFamily, number);
    if (trusted() && !needed) continue;
    const std::string path = dir_ + "/" + rocks_file(log->second);
    const Status read =
        changes_->add_log(path, number, list_, std::next(log) == files_.logs.end(), report);
    if (read) continue;
    report({.file = rocks_file(log->second),
            .key = {},
            .what = read.message(),
            .remedy = kRepairRemedy,
            .loses_records = true});
  }
  return Status();
}

// Answers what is promised: the version up to which everything must be there.
Result<Version> Work::read_ring(Report report) {
  const auto& mark = superblock_.mark;
  Version promised = mark ? mark->synced : 0;
  const Result<RingScan> ring = RingScan::read(dir_);
  if (ring.code() == StatusCode::kNotFound) {
    const bool needed = !mark || (mark->ring && !mark->clean);
    report({.file = kRingName,
            .key = {},
            .what = needed ? "it is missing, and with it what was written last"
                           : "it is missing; nothing was in it, and the next open makes a new one",
            .remedy = needed ? kRepairRemedy : "nothing has to be done",
            .note = !needed,
            .loses_records = needed});
    in_doubt_ = in_doubt_ || needed;
    return promised;
  }
  if (!ring) return ring.status();
  for (const auto& damage : ring->damages()) {
    report({.file = kRingName,
            .key = {},
            .what = damage.what,
            .remedy = kRepairRemedy,
            .offset = damage.offset});
  }
  const bool foreign =
      ring->store() && superblock_.identity && *ring->store() != superblock_.identity->id;
  if (foreign) {
    report({.file = kRingName,
            .key = {},
            .what = "it belongs to another store",
            .remedy = "put the directory back together, or restore a backup",
            .offset = 0});
    return promised;
  }
  if (mark && !mark->clean && ring->boot() == boot_id()) {
    promised = std::max(promised, ring->released());
  }
  changes_->add_ring(*ring, mark, report);
  return promised;
}

// Which store it is, from the superblock or from the database.
void Work::note_identity(Report report) {
  const auto& identity = superblock_.identity;
  std::array<unsigned char, 16> id{};
  if (id_.size() == id.size()) std::copy(id_.begin(), id_.end(), id.begin());
  if (identity && !id_.empty() && identity->id != id) {
    report({.file = kRocksName,
            .key = {},
            .what = "the files belong to another store than the superblock",
            .remedy = "put the directory back together, or restore a backup"});
  }
  if (identity) {
    store_.store_id = to_hex(identity->id);
    store_.identified = true;
    store_.generation = identity->generation;
    store_.created = identity->created;
  } else if (!id_.empty()) {
    store_.store_id = to_hex(id);
  }
}

Status Work::read_changes(Report report) {
  changes_.emplace(flushed_);
  if (Status read = read_logs(report); !read) return read;
  const bool never_written = !superblock_.mark || superblock_.mark->synced == 0;
  head_lost_ = !flushed_ && trusted() && !never_written && !changes_->head();
  if (head_lost_) {
    report({.file = kRocksName,
            .key = {},
            .what = "nothing says how far the store had come: its head is lost",
            .remedy = kRepairRemedy});
  }
  const Result<Version> promised = read_ring(report);
  if (!promised) return promised.status();
  changes_->conclude(*promised, report);
  note_identity(report);
  store_.version_last = changes_->version_last();
  ClockMark clock = superblock_.mark ? superblock_.mark->clock : ClockMark{};
  const auto& head = changes_->head();
  if (head && head->version != 0 && head->mark.store > clock.store) clock = head->mark;
  store_.store_time = clock.store;
  store_.wall_time = clock.wall;
  store_.clean = superblock_.mark && superblock_.mark->clean;
  store_.copy = superblock_.mark && superblock_.mark->copy;
  // A mark that says "in order" was written when all was in the head: an older one says it of a
  // state that is gone.
  if (store_.clean && head && head->version != superblock_.mark->synced) {
    report({.file = kSuperblockName,
            .key = {},
            .what = "it says that the store was stopped in order at version " +
                    std::to_string(superblock_.mark->synced) + ", but the log ends at version " +
                    std::to_string(head->version),
            .remedy = kRepairRemedy});
  }
  return Status();
}

// --- records -------------------------------------------------------------------------------------

void Work::advance_deadlines(std::string_view key) {
  while (has_deadline_ && deadline_.key < key) has_deadline_ = deadlines_.next(deadline_);
}

void Work::resolve_deadline(RecordView& record, const KeyChanges* changes, Report report) {
  advance_deadlines(record.key);
  const bool in_tables = has_deadline_ && deadline_.key == record.key;
  const auto* logged = changes != nullptr && changes->deadline ? &*changes->deadline : nullptr;
  const bool log_is_newer =
      logged != nullptr && (!in_tables || logged->sequence > deadline_.sequence);
  std::optional<std::uint64_t> sequence;
  if (in_tables) sequence = deadline_.sequence;
  if (log_is_newer) sequence = logged->sequence;
  // Without what is lost the record keeps the deadline it was written with.
  if (deadlines_.covers_lost(record.key, sequence)) {
    ++grants_lost_;
    return;
  }
  if (log_is_newer ? logged->erased : !in_tables || deadline_.erased) return;
  const std::string_view bytes = log_is_newer ? std::string_view(logged->value) : deadline_.value;
  const auto granted = parse_deadline(record.key, bytes);
  if (!granted) {
    report({.file = log_is_newer ? "deadlines" : std::string(deadline_.file),
            .key = std::string(record.key),
            .what = granted.status().message(),
            .remedy = "touch the record, or erase it",
            .offset = log_is_newer ? std::nullopt : std::optional(deadline_.block)});
    return;
  }
  if (granted->version != record.version) return;
  if (granted->deadline < record.deadline) {
    report({.file = log_is_newer ? "deadlines" : std::string(deadline_.file),
            .key = std::string(record.key),
            .what = "a granted deadline before that of its record",
            .remedy = "touch the record, or erase it"});
  }
  record.deadline = granted->deadline;
}

bool Work::give(RecordView record, const KeyChanges* changes, bool of_ring, bool uncertain, Visit f,
                Report report) {
  if (!of_ring) resolve_deadline(record, changes, report);
  if (changes != nullptr && changes->ring.deadline) {
    const auto granted = parse_deadline(record.key, *changes->ring.deadline);
    if (granted && granted->version == record.version) record.deadline = granted->deadline;
  }
  std::string what;
  if (record.version > version_bound_) what = "a version past the last one";
  if (record.lifetime < record.deadline) what = "a deadline past its lifetime";
  if (!what.empty()) {
    report({.file = "records",
            .key = std::string(record.key),
            .what = what,
            .remedy = "rewrite or erase the record"});
  }
  store_.version_last = std::max(store_.version_last, record.version);
  return f(record, uncertain);
}

bool Work::visit_key(std::string_view key, const MergedEntry* entry, const KeyChanges* changes,
                     Visit f, Report report) {
  const auto* logged = changes != nullptr && changes->record ? &*changes->record : nullptr;
  const bool log_is_newer =
      logged != nullptr && (entry == nullptr || logged->sequence > entry->sequence);
  const bool any = logged != nullptr || entry != nullptr;
  const bool erased = !any || (log_is_newer ? logged->erased : entry->erased);
  const Version erased_after = erased && log_is_newer ? logged->after : 0;
  std::optional<RecordView> record;
  if (!erased) {
    const auto parsed =
        parse_record(key, log_is_newer ? std::string_view(logged->value) : entry->value);
    if (parsed) {
      record = *parsed;
    } else {
      report({.file = log_is_newer ? "records" : std::string(entry->file),
              .key = std::string(key),
              .what = parsed.status().message(),
              .remedy = "restore it from a backup, or rewrite or erase the record",
              .offset = log_is_newer ? std::nullopt : std::optional(entry->block),
              .loses_records = true,
              .lost = 1});
    }
  }
  bool of_ring = false;
  if (changes != nullptr) {
    const RingState& ring = changes->ring;
    if (record && record->version <= ring.erased_at) record.reset();
    const auto newer =
        ring.record ? parse_record(key, *ring.record) : Result<RecordView>(StatusCode::kNotFound);
    if (newer && newer->version > erased_after && (!record || newer->version >= record->version)) {
      record = *newer;
      of_ring = true;
    }
  }
  if (!record) return true;
  std::optional<std::uint64_t> sequence;
  if (entry != nullptr) sequence = entry->sequence;
  if (log_is_newer) sequence = logged->sequence;
  const bool uncertain = !of_ring && records_.covers_lost(key, sequence);
  return give(*record, changes, of_ring, uncertain, f, report);
}

// The table files in the order of their keys, and between them what only logs and ring hold.
Status Work::each(Visit f, Report report,
                  FunctionRef<void(std::uint64_t, std::uint64_t)> progress) {
  version_bound_ = changes_->head() || trusted() ? changes_->version_last() : ~std::uint64_t{0};
  has_deadline_ = deadlines_.next(deadline_);
  auto left = changes_->keys().begin();
  const auto end = changes_->keys().end();
  std::uint64_t done = 0;
  bool wanted = true;
  const auto count = [&] {
    if (++done % kProgressEvery == 0) progress(records_.entries_read(), records_.entries_total());
  };
  MergedEntry entry;
  while (wanted && records_.next(entry)) {
    for (; wanted && left != end && left->first < entry.key; ++left) {
      wanted = visit_key(left->first, nullptr, &left->second, f, report);
      count();
    }
    const bool changed = left != end && left->first == entry.key;
    if (wanted) wanted = visit_key(entry.key, &entry, changed ? &left->second : nullptr, f, report);
    if (changed) ++left;
    count();
  }
  for (; wanted && left != end; ++left) {
    wanted = visit_key(left->first, nullptr, &left->second, f, report);
    count();
  }
  if (!wanted) return Status();
  while (has_deadline_) has_deadline_ = deadlines_.next(deadline_);
  records_.report([&](const Finding& finding) {
    told_.insert(finding.file);
    report(finding);
  });
  deadlines_.report([&](const Finding& finding) {
    told_.insert(finding.file);
    Finding told = finding;
    told.loses_records = false;  // what is lost is that they were touched
    report(told);
  });
  if (grants_lost_ != 0) {
    report({.file = "deadlines",
            .key = {},
            .what = std::to_string(grants_lost_) +
                    " records may have been touched, and what that granted is lost: they end as "
                    "early as if they had not been",
            .remedy = kRepairRemedy});
  }
  return Status();
}

// Whether a table file is another one than the list means, or damaged where nothing is read.
void Work::check_files(Report report) {
  if (!trusted()) return;
  for (const auto& [number, table] : list_.tables) {
    if (table.checksum.empty() || !files_.tables.contains(number)) continue;
    const std::string name = rocks_file(table_name(number));
    if (told_.contains(name)) continue;  // where it is damaged is known
    const Result<std::string> found = crc32c_of_file(dir_ + "/" + name);
    if (!found || *found == table.checksum) continue;
    report({.file = name,
            .key = {},
            .what = "its bytes are not those that the list of files has the checksum of",
            .remedy = kRepairRemedy});
  }
}

}  // namespace

Result<std::unique_ptr<Salvage>> Salvage::open(const std::string& dir, Report report) {
  std::vector<Finding> findings;
  const auto collect = [&](const Finding& finding) { findings.push_back(finding); };
  auto work = std::make_unique<Work>(true);
  Status begun = work->begin(dir, collect);
  if (begun && work->list_is_too_short()) {
    findings.clear();
    work = std::make_unique<Work>(false);
    begun = work->begin(dir, collect);
  }
  for (const Finding& finding : findings) report(finding);
  if (!begun) return begun;
  return std::unique_ptr<Salvage>(std::move(work));
}

}  // namespace cloakroom
