#include "base/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temp_dir.h"

using namespace cloakroom;

TEST_CASE("file: what is written at an offset is read there, short only at the end") {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/file";
  Result<Fd> fd = open_file(path, O_RDWR | O_CREAT);
  REQUIRE(fd);
  REQUIRE(write_at(*fd, path, "hello", 3));
  CHECK(*read_at(*fd, path, 5, 3) == "hello");
  CHECK(read_at(*fd, path, 100, 3)->size() == 5);
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("file: an error names the path and the remedy") {
  const Result<Fd> missing = open_file("/nonexistent/file", O_RDONLY);
  REQUIRE_FALSE(missing);
  CHECK(missing.code() == StatusCode::kIo);
  CHECK(missing.status().message().find("/nonexistent/file") != std::string::npos);
  CHECK(missing.status().message().find("create the parent") != std::string::npos);
}

TEST_CASE("file: symbolic links are not followed") {
  const testing::TempDir dir;
  REQUIRE(::symlink("/etc/passwd", (dir.path() + "/link").c_str()) == 0);
  CHECK_FALSE(open_file(dir.path() + "/link", O_RDONLY));
}

TEST_CASE("file: a directory is made private, or is already") {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/private";
  REQUIRE(make_private_directory(path));
  REQUIRE(::chmod(path.c_str(), 0755) == 0);
  REQUIRE(make_private_directory(path));
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
}

TEST_CASE("file: what the system cannot tell is not taken for absent") {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/file";
  const Result<bool> before = surely_exists(path);
  REQUIRE(before);
  CHECK_FALSE(*before);
  REQUIRE(open_file(path, O_RDWR | O_CREAT));
  const Result<bool> after = surely_exists(path);
  REQUIRE(after);
  CHECK(*after);
  const Result<bool> below = surely_exists(path + "/below a file");
  REQUIRE(below);
  CHECK_FALSE(*below);
  const Result<bool> impossible = surely_exists(path + std::string(5000, 'x'));  // ENAMETOOLONG
  CHECK(impossible.code() == StatusCode::kIo);
}

TEST_CASE("file: the parent of a path") {
  CHECK(parent_of("a") == ".");
  CHECK(parent_of("/a") == "/");
  CHECK(parent_of("/a/b/") == "/a");
  CHECK(parent_of("a/b") == "a");
}
