// LoopDisk: an ext4 file system of our own, in a file in memory, whose power can be cut and whose
// writes can be stopped. Nothing of ours is between the store and the kernel: ext4's own shutdown
// call drops what was not synced, and a freeze holds up whoever writes.
//
//   make()      file -> loop device -> mkfs.ext4 -> mount, in a mount namespace of this process
//   cut()       from here on nothing reaches the device; writes and syncs answer EIO
//   remount()   what the next start of the machine would find: ext4's journal is replayed
//   freeze()    writes and page faults of writers hang in the kernel until thaw()
//
// Invariants
//   1. The mount lives in a namespace of its own, the device detaches itself with its last user and
//      the file has no name any more: when this process and its children have ended, in whatever
//      way, the kernel takes all three away. Only an empty directory can stay; make() removes those
//      of processes that are gone.
//   2. The process that called make() is one thread then, and its children inherit the namespace.
//
// Needs root, loop devices and mkfs.ext4.
#ifndef CLOAKROOM_TESTS_FAULTS_LOOP_DISK_H_
#define CLOAKROOM_TESTS_FAULTS_LOOP_DISK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.h"

namespace cloakroom::faults {

class LoopDisk {
 public:
  // Not made: nullptr, and *why says what is missing here. Also tries a cut: one that takes nothing
  // unsynced, or something synced, is no cut.
  static std::unique_ptr<LoopDisk> make(std::uint64_t bytes, std::string* why);
  ~LoopDisk();
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  // Where it is mounted.
  [[nodiscard]] const std::string& path() const { return path_; }

  // Each answers false with errno when the kernel refuses.
  bool cut();
  bool remount();  // REQUIRES: no process has a file of it open any more
  bool freeze();
  bool thaw();

 private:
  LoopDisk() = default;
  bool set_up(std::uint64_t bytes, std::string* why);
  bool attach(const std::string& image, std::string* why);
  bool mount_it();
  bool unmount();
  bool cut_is_a_cut();

  std::string directory_;
  std::string path_;
  std::string device_name_;
  Fd device_;  // open as long as we live, or the device would detach between two mounts
};

}  // namespace cloakroom::faults

#endif  // CLOAKROOM_TESTS_FAULTS_LOOP_DISK_H_
