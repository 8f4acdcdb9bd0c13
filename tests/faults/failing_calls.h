// FailingCalls: the system calls that Cloakroom makes itself (lib/base/file, the ring, the lock),
// made to fail where they are told to. RocksDB makes its own, which FaultyFs stands for.
//
// The linker puts wrappers in front of them (--wrap, tests/faults/meson.build), so nothing in the
// library knows. Only calls on what lies in the directory that is watched count. As with FaultyFs
// the k-th call fails, once or from there on.
//
//   open  pread  pwrite  fsync  fdatasync  posix_fallocate  ftruncate  rename  mkdir  fchmod
//   stat  lstat  fstat   fcntl (the lock)  mmap of a file (ENOMEM instead)
//
// One for the whole process; thread-safe.
#ifndef CLOAKROOM_TESTS_FAULTS_FAILING_CALLS_H_
#define CLOAKROOM_TESTS_FAULTS_FAILING_CALLS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "support/faulty_fs.h"

namespace cloakroom::faults {

class FailingCalls {
 public:
  static FailingCalls& instance();

  // Counts calls on what lies in `root`, from 1.
  void watch(const std::string& root);
  // The k-th call from now on fails; sticky: and all after it.
  void arm(std::uint64_t k, testing::Fault fault, bool sticky);
  void disarm();

  [[nodiscard]] std::uint64_t calls() const;
  [[nodiscard]] std::uint64_t fired() const;
  [[nodiscard]] std::string first_site() const;  // "pwrite RING" and the like

  // For the wrappers. The error for this call, 0: it may go on.
  int step(const char* call, const std::string& path);
  int step(const char* call, int fd);
  void opened(int fd, const std::string& path);
  // Of a write that is about to fail half of it still happens.
  [[nodiscard]] bool writes_half() const;

 private:
  int step_file(const char* call, const std::string& file);  // REQUIRES: mutex_ held
  // The name within the root; "" when it does not count.
  [[nodiscard]] std::string file_of(const std::string& path) const;

  mutable std::mutex mutex_;
  std::string root_;
  std::map<int, std::string> files_;  // those that are open, and some that were
  std::uint64_t calls_ = 0;
  std::uint64_t fired_ = 0;
  std::uint64_t target_ = 0;  // 0: never
  testing::Fault fault_ = testing::Fault::kIoError;
  bool sticky_ = false;
  std::string first_site_;
};

}  // namespace cloakroom::faults

#endif  // CLOAKROOM_TESTS_FAULTS_FAILING_CALLS_H_
