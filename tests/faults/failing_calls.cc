#include "faults/failing_calls.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>

namespace cloakroom::faults {

FailingCalls& FailingCalls::instance() {
  static FailingCalls calls;
  return calls;
}

void FailingCalls::watch(const std::string& root) {
  const std::lock_guard guard(mutex_);
  root_ = root;
  calls_ = fired_ = target_ = 0;
  first_site_.clear();
}

void FailingCalls::arm(std::uint64_t k, testing::Fault fault, bool sticky) {
  const std::lock_guard guard(mutex_);
  target_ = k == 0 ? 0 : calls_ + k;
  fault_ = fault;
  sticky_ = sticky;
}

void FailingCalls::disarm() {
  const std::lock_guard guard(mutex_);
  target_ = 0;
  root_.clear();
}

std::uint64_t FailingCalls::calls() const {
  const std::lock_guard guard(mutex_);
  return calls_;
}

std::uint64_t FailingCalls::fired() const {
  const std::lock_guard guard(mutex_);
  return fired_;
}

std::string FailingCalls::first_site() const {
  const std::lock_guard guard(mutex_);
  return first_site_;
}

bool FailingCalls::writes_half() const {
  const std::lock_guard guard(mutex_);
  return fault_ == testing::Fault::kShortWrite;
}

std::string FailingCalls::file_of(const std::string& path) const {
  if (root_.empty() || !path.starts_with(root_)) return "";
  if (path == root_) return "store";
  if (path[root_.size()] != '/') return "";
  return path.substr(root_.size() + 1);
}

int FailingCalls::step(const char* call, const std::string& path) {
  const std::lock_guard guard(mutex_);
  return step_file(call, file_of(path));
}

int FailingCalls::step(const char* call, int fd) {
  const std::lock_guard guard(mutex_);
  const auto file = files_.find(fd);
  return file == files_.end() ? 0 : step_file(call, file->second);
}

void FailingCalls::opened(int fd, const std::string& path) {
  const std::lock_guard guard(mutex_);
  files_[fd] = file_of(path);
}

int FailingCalls::step_file(const char* call, const std::string& file) {
  if (file.empty() || root_.empty()) return 0;
  ++calls_;
  if (target_ == 0 || calls_ < target_ || (calls_ > target_ && !sticky_)) return 0;
  if (fired_++ == 0) first_site_ = std::string(call) + " " + file;
  return fault_ == testing::Fault::kNoSpace ? ENOSPC : EIO;
}

}  // namespace cloakroom::faults

// --- the wrappers --------------------------------------------------------------------------------

namespace {

using cloakroom::faults::FailingCalls;

// Whether the call fails here; then errno is set.
template <class What>
bool fails(const char* call, const What& what) {
  const int error = FailingCalls::instance().step(call, what);
  if (error != 0) errno = error;
  return error != 0;
}

}  // namespace

// Files are large here (_FILE_OFFSET_BITS is 64), so these are the names that the linker sees.
extern "C" {

int __real_open64(const char* path, int flags, ...);
ssize_t __real_pread64(int fd, void* bytes, std::size_t count, off_t offset);
ssize_t __real_pwrite64(int fd, const void* bytes, std::size_t count, off_t offset);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_posix_fallocate64(int fd, off_t offset, off_t count);
int __real_ftruncate64(int fd, off_t size);
int __real_rename(const char* from, const char* to);
int __real_mkdir(const char* path, mode_t mode);
int __real_fchmod(int fd, mode_t mode);
int __real_stat64(const char* path, struct stat* info);
int __real_lstat64(const char* path, struct stat* info);
int __real_fstat64(int fd, struct stat* info);
int __real_fcntl64(int fd, int command, ...);
void* __real_mmap64(void* at, std::size_t bytes, int access, int flags, int fd, off_t offset);

int __wrap_open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (fails("open", std::string(path))) return -1;
  const int fd = __real_open64(path, flags, mode);
  if (fd >= 0) FailingCalls::instance().opened(fd, path);
  return fd;
}

ssize_t __wrap_pread64(int fd, void* bytes, std::size_t count, off_t offset) {
  return fails("pread", fd) ? -1 : __real_pread64(fd, bytes, count, offset);
}

ssize_t __wrap_pwrite64(int fd, const void* bytes, std::size_t count, off_t offset) {
  if (!fails("pwrite", fd)) return __real_pwrite64(fd, bytes, count, offset);
  const int error = errno;
  if (FailingCalls::instance().writes_half()) (void)!__real_pwrite64(fd, bytes, count / 2, offset);
  errno = error;
  return -1;
}

int __wrap_fsync(int fd) { return fails("fsync", fd) ? -1 : __real_fsync(fd); }

int __wrap_fdatasync(int fd) { return fails("fdatasync", fd) ? -1 : __real_fdatasync(fd); }

int __wrap_posix_fallocate64(int fd, off_t offset, off_t count) {
  if (!fails("posix_fallocate", fd)) return __real_posix_fallocate64(fd, offset, count);
  const int error = errno;
  // What a disk does that fills up: a part is there.
  if (FailingCalls::instance().writes_half()) (void)__real_posix_fallocate64(fd, offset, count / 2);
  return error;
}

int __wrap_ftruncate64(int fd, off_t size) {
  return fails("ftruncate", fd) ? -1 : __real_ftruncate64(fd, size);
}

int __wrap_rename(const char* from, const char* to) {
  return fails("rename", std::string(from)) ? -1 : __real_rename(from, to);
}

int __wrap_mkdir(const char* path, mode_t mode) {
  return fails("mkdir", std::string(path)) ? -1 : __real_mkdir(path, mode);
}

int __wrap_fchmod(int fd, mode_t mode) {
  return fails("fchmod", fd) ? -1 : __real_fchmod(fd, mode);
}

int __wrap_stat64(const char* path, struct stat* info) {
  return fails("stat", std::string(path)) ? -1 : __real_stat64(path, info);
}

int __wrap_lstat64(const char* path, struct stat* info) {
  return fails("lstat", std::string(path)) ? -1 : __real_lstat64(path, info);
}

int __wrap_fstat64(int fd, struct stat* info) {
  return fails("fstat", fd) ? -1 : __real_fstat64(fd, info);
}

int __wrap_fcntl64(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return fails("fcntl", fd) ? -1 : __real_fcntl64(fd, command, argument);
}

void* __wrap_mmap64(void* at, std::size_t bytes, int access, int flags, int fd, off_t offset) {
  if (fd < 0 || !fails("mmap", fd)) return __real_mmap64(at, bytes, access, flags, fd, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}

}  // extern "C"
