#include "faults/loop_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "faults/harness.h"

namespace cloakroom::faults {
namespace {

constexpr const char* kDirectoryPrefix = "cloakroom_disk.";

// Of ext4, which has no header for it: take the file system down, without flushing its journal.
constexpr std::uint32_t kNoLogFlush = 2;
#define CLOAKROOM_EXT4_IOC_SHUTDOWN _IOR('X', 125, std::uint32_t)

std::string because(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

// What earlier processes left when they were killed: an empty directory at most.
void remove_stale(const std::string& root) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kDirectoryPrefix)) continue;
    const int pid = std::atoi(name.c_str() + std::strlen(kDirectoryPrefix));
    if (pid <= 0 || ::kill(pid, 0) == 0 || errno != ESRCH) continue;
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

bool make_file_system(const std::string& device) {
  std::array<std::string, 6> words{"mkfs.ext4", "-q", "-F", "-m", "0", device};
  std::array<char*, 7> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  std::string path = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";
  std::array<char*, 2> environment{path.data(), nullptr};
  for (const char* program : {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"}) {
    pid_t pid = 0;
    if (::posix_spawn(&pid, program, nullptr, nullptr, arguments.data(), environment.data()) != 0) {
      continue;
    }
    int state = 0;
    return ::waitpid(pid, &state, 0) == pid && WIFEXITED(state) && WEXITSTATUS(state) == 0;
  }
  return false;
}

bool call_on(const std::string& path, unsigned long request, void* argument) {
  const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory && ::ioctl(directory.get(), request, argument) == 0;
}

}  // namespace

std::unique_ptr<LoopDisk> LoopDisk::make(std::uint64_t bytes, std::string* why) {
  if (::geteuid() != 0) {
    *why = "not root";
    return nullptr;
  }
  std::unique_ptr<LoopDisk> disk(new LoopDisk);
  if (!disk->set_up(bytes, why)) return nullptr;
  if (!disk->cut_is_a_cut()) {
    *why = "ext4's shutdown does not drop exactly what is not synced here";
    return nullptr;
  }
  return disk;
}

bool LoopDisk::set_up(std::uint64_t bytes, std::string* why) {
  const auto failed = [&](const char* what) { return *why = because(what), false; };
  const std::string root = fast_temp_root();
  remove_stale(root);
  if (::unshare(CLONE_NEWNS) != 0) return failed("no mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return failed("no private mounts");
  }
  directory_ = root + "/" + kDirectoryPrefix + std::to_string(::getpid());
  path_ = directory_ + "/mnt";
  const std::string image = directory_ + "/image";
  std::filesystem::create_directories(path_);
  const Fd file(::open(image.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) return failed("no image");
  if (!attach(image, why)) return false;
  ::unlink(image.c_str());
  if (!make_file_system(device_name_)) return *why = "mkfs.ext4 is missing or failed", false;
  return mount_it() || failed("cannot mount ext4");
}

bool LoopDisk::attach(const std::string& image, std::string* why) {
  const Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  const Fd file(::open(image.c_str(), O_RDWR | O_CLOEXEC));
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(file.get());
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  for (int attempt = 0; control && file && attempt < 20; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) break;
    device_name_ = "/dev/loop" + std::to_string(number);
    device_ = Fd(::open(device_name_.c_str(), O_RDWR | O_CLOEXEC));
    if (!device_) break;
    if (::ioctl(device_.get(), LOOP_CONFIGURE, &config) == 0) return true;
    if (errno != EBUSY) break;  // busy: another process was quicker
  }
  device_.reset();
  return *why = because("no loop device"), false;
}

bool LoopDisk::mount_it() {
  return ::mount(device_name_.c_str(), path_.c_str(), "ext4", MS_NOATIME, nullptr) == 0;
}

bool LoopDisk::unmount() {
  // The kernel may hold a file of a process that was killed for a moment longer.
  for (int attempt = 0; attempt < 2000; ++attempt) {
    if (::umount2(path_.c_str(), 0) == 0) return true;
    if (errno != EBUSY) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

LoopDisk::~LoopDisk() {
  if (!path_.empty() && ::umount2(path_.c_str(), 0) != 0) ::umount2(path_.c_str(), MNT_DETACH);
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

bool LoopDisk::cut() {
  std::uint32_t flags = kNoLogFlush;
  return call_on(path_, CLOAKROOM_EXT4_IOC_SHUTDOWN, &flags);
}

bool LoopDisk::remount() { return unmount() && mount_it(); }

bool LoopDisk::freeze() {
  int nothing = 0;
  return call_on(path_, FIFREEZE, &nothing);
}

bool LoopDisk::thaw() {
  int nothing = 0;
  return call_on(path_, FITHAW, &nothing);
}

bool LoopDisk::cut_is_a_cut() {
  const std::string synced = path_ + "/synced";
  const std::string unsynced = path_ + "/unsynced";
  {
    const auto file = open_file(synced, O_RDWR | O_CREAT);
    if (!file || !write_at(*file, synced, std::string(8192, 's'), 0)) return false;
    if (!sync_file(*file, synced) || !sync_directory(path_)) return false;
    if (!write_at(*file, synced, std::string(8192, 'u'), 8192)) return false;
    std::ofstream(unsynced) << "u";
  }
  if (!cut() || !remount()) return false;
  std::error_code failed;
  const bool exact =
      std::filesystem::file_size(synced, failed) == 8192 && !failed && !exists(unsynced);
  std::filesystem::remove(synced, failed);
  return exact;
}

}  // namespace cloakroom::faults
