// Sessions over a disk that a test can pull the plug of.
#ifndef CLOAKROOM_TESTS_SESSIONS_FAKE_DISK_FIXTURE_H_
#define CLOAKROOM_TESTS_SESSIONS_FAKE_DISK_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sessions/sessions_fixture.h"
#include "store/engine.h"
#include "support/fake_journal.h"

namespace cloakroom::testing {

class FakeDiskFixture {
 public:
  explicit FakeDiskFixture(SessionsOptions options = {}, SessionsHooks hooks = {})
      : options_(std::move(options)), hooks_(std::move(hooks)) {
    if (options_.keys.empty()) options_.keys = {std::string(32, 'k')};
    open();
  }
  ~FakeDiskFixture() { close(); }

  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] Sessions& sessions() { return *sessions_; }
  [[nodiscard]] FakeJournal& journal() { return *journal_; }
  [[nodiscard]] FakeDisk& disk() { return *disk_; }
  [[nodiscard]] const std::vector<std::string>& keys() const { return options_.keys; }

  [[nodiscard]] Session create(const CreateOptions& options = {}) {
    auto session = sessions_->create(options);
    REQUIRE_OK(session);
    return *std::move(session);
  }

  void restart() {
    close();
    open();
  }
  // Of what had not reached the disk, or the kernel, the first `keep` writes are found again.
  void kill_process(std::size_t keep = 0) {
    come_back_from(std::make_shared<FakeDisk>(*disk_), [&](FakeDisk& d) { d.kill_process(keep); });
  }
  void cut_power(std::size_t keep = 0) {
    come_back_from(std::make_shared<FakeDisk>(*disk_), [&](FakeDisk& d) { d.cut_power(keep); });
  }
  // The same at an earlier moment, whose disk was copied then.
  template <class F>
  void come_back_from(std::shared_ptr<FakeDisk> disk, F&& lose) {
    close();
    disk_ = std::move(disk);
    lose(*disk_);
    open();
  }

  ManualClock clock;

 private:
  void open() {
    auto journal = std::make_unique<FakeJournal>(disk_);
    journal_ = journal.get();
    auto engine =
        Engine::open(quiet_options(clock, "fake"),
                     {std::move(journal), std::make_shared<Timeline>(clock, std::nullopt)});
    REQUIRE_OK(engine);
    store_.emplace(*std::move(engine));
    sessions_.emplace(make_sessions(*store_, options_, hooks_));
  }
  void close() {
    sessions_.reset();
    store_.reset();
  }

  SessionsOptions options_;
  SessionsHooks hooks_;
  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
  FakeJournal* journal_ = nullptr;
  std::optional<Store> store_;
  std::optional<Sessions> sessions_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SESSIONS_FAKE_DISK_FIXTURE_H_
