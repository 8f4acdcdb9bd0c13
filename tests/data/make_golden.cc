// make_golden DIR: the golden stores of the format that this library writes, into a new directory.
//
// To be run once for each format, when it is new, and never again: what is committed is what a
// release has written. tests/data/README.md says how. Three stores, each with its dump:
//
//   clean     stopped in order
//   crashed   killed: records in table files, in the log and in the ring only
//   copy      a checkpoint that nobody has opened yet
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "cloakroom/store.h"
#include "support/manual_clock.h"
#include "support/store_dump.h"

namespace {

using namespace std::chrono_literals;
using namespace cloakroom;

Options options_for(const std::string& path, const Clock& clock) {
  return {.path = path,
          .ring_bytes = std::size_t{64} << 10,
          .memory_limit_bytes = std::size_t{64} << 20,
          .stripe_count = 4,
          .background = false,
          .clock = &clock};
}

// One of every kind of record and of change.
Status fill(Store& store, testing::ManualClock& clock, const std::string& prefix) {
  const auto key = [&](const char* name) { return prefix + name; };
  const std::string binary("\x00\x01\xff\n", 4);
  const Field fields[] = {{"name", "Alice"}, {"cart", "[]"}, {"raw", binary}};
  Status done = store.put(key("forever"), "v").status();
  if (done) done = store.put(key("binary") + binary, binary, {.ttl = 24h}).status();
  if (done)
    done = store.put(key("owned"), "v", {.ttl = 1h, .lifetime = 12h, .owner = "alice"}).status();
  if (done) done = store.put(key("large"), std::string(600, 'x'), {.ttl = 24h}).status();
  if (done) done = store.put(key("touched"), "v", {.ttl = 1h}).status();
  if (done) done = store.put(key("cut short"), "v", {.ttl = 24h}).status();
  if (done) done = store.put(key("overwritten"), "old", {.ttl = 1h, .owner = "bob"}).status();
  if (done) done = store.put(key("short"), "v", {.ttl = 1min}).status();
  if (done) done = store.put(key("erased"), "v", {.ttl = 24h}).status();
  if (done) done = store.set_fields(key("fields"), fields, {.ttl = 24h, .owner = "alice"}).status();
  clock.advance(10s);
  if (done) done = store.touch(key("touched"), 2h).status();
  if (done) done = store.touch(key("cut short"), 30min).status();
  if (done) done = store.put(key("overwritten"), "new", {.ttl = 24h}).status();
  if (done) done = store.increment_field(key("fields"), "n", 41).status();
  if (done) done = store.erase(key("erased"));
  return done;
}

int make(const std::string& dir) {
  namespace fs = std::filesystem;
  testing::ManualClock clock;
  const auto fail = [](const Status& status) {
    std::fprintf(stderr, "make_golden: %s\n", status.to_string().c_str());
    return 1;
  };
  // What an open finds, which after a crash is not quite what the process that died had.
  const auto write_dump = [&](const std::string& name) {
    const std::string probe = dir + "/probe";
    fs::copy(dir + "/" + name, probe, fs::copy_options::recursive);
    {
      auto opened = Store::open(options_for(probe, clock));
      if (!opened) return opened.status();
      std::ofstream(dir + "/" + name + ".dump") << testing::dump_of(*opened);
    }
    fs::remove_all(probe);
    fs::remove(dir + "/" + name + "/LOCK");  // a process id of ours
    return Status();
  };
  if (!fs::create_directory(dir)) return fail(Status(StatusCode::kIo, dir + " exists already"));
  auto store = Store::open(options_for(dir + "/clean", clock));
  if (!store) return fail(store.status());
  if (Status filled = fill(*store, clock, "in files: "); !filled) return fail(filled);
  if (Status closed = store->close(); !closed) return fail(closed);
  fs::copy(dir + "/clean", dir + "/working", fs::copy_options::recursive);

  store = Store::open(options_for(dir + "/working", clock));
  if (!store) return fail(store.status());
  if (Status filled = fill(*store, clock, "in the log: "); !filled) return fail(filled);
  if (Status synced = store->sync(); !synced) return fail(synced);
  const auto copy = store->checkpoint(dir + "/copy");
  if (!copy) return fail(copy.status());
  if (Status filled = fill(*store, clock, "in the ring: "); !filled) return fail(filled);
  fs::copy(dir + "/working", dir + "/crashed", fs::copy_options::recursive);
  if (Status closed = store->close(); !closed) return fail(closed);
  fs::remove_all(dir + "/working");
  for (const char* name : {"clean", "crashed", "copy"}) {
    if (Status written = write_dump(name); !written) return fail(written);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return argc == 2 ? make(argv[1]) : 2; }
