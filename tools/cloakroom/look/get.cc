// cloakroom get: one record. Its value is shown only when asked for.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "exit_codes.h"
#include "look/look.h"
#include "look/session_view.h"
#include "reading/open_store.h"
#include "reading/record_json.h"
#include "reading/value_view.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

Json bytes_json(std::string_view bytes) {
  return is_utf8(bytes) ? Json(bytes) : Json{{"base64", base64(bytes)}};
}

int damaged(const Status& status, const GetOptions& options) {
  message(text_of(status) + "; run `cloakroom verify " + options.dir + "`");
  return kExitFindings;
}

int show_raw(const RecordView& record) {
  if (record.kind == Kind::kFields || record.kind == Kind::kMembers) {
    message(
        fmt::format("the record holds {}s, which have no bytes of their own; use --show-values "
                    "--json",
                    record.kind == Kind::kFields ? "field" : "member"));
    return kExitUsage;
  }
  print(record.value);
  return kExitOk;
}

// --- for scripts ------------------------------------------------------------------------------

Status add_fields(Json& out, const RecordView& record, bool show_values) {
  Json fields = Json::array();
  Status decoded = decode_fields(record.value, [&](const Field& field) {
    fields.push_back({{"name", bytes_json(field.name)}, {"value", bytes_json(field.value)}});
  });
  out["field_count"] = fields.size();
  if (show_values) out["fields"] = std::move(fields);
  return decoded;
}

// A score that JSON has no number for, an infinity, becomes its name.
Json score_json(double score) {
  return std::isfinite(score) ? Json(score) : Json(score < 0 ? "-inf" : "inf");
}

Status add_members(Json& out, const RecordView& record, bool show_values) {
  Json members = Json::array();
  bool sorted = false;
  Status decoded =
      decode_members(record.value, [&](std::string_view member, std::optional<double> score) {
        sorted = score.has_value();
        Json one{{"member", bytes_json(member)}};
        if (score) one["score"] = score_json(*score);
        members.push_back(std::move(one));
      });
  out["members_are"] = sorted ? "sorted set" : "set";
  out["member_count"] = members.size();
  if (show_values) out["members"] = std::move(members);
  return decoded;
}

void add_value(Json& out, const RecordView& record) {
  out["value"] = bytes_json(record.value);
  ValueView view = view_value(record.value);
  out["encoding"] = std::move(view.format);
  out["decoded"] = std::move(view.text);
}

int show_json(const RecordView& record, TimeMs now, const GetOptions& options) {
  Json out = record_json(record, now);
  Status decoded;
  switch (record.kind) {
    case Kind::kFields:
      decoded = add_fields(out, record, options.show_values);
      break;
    case Kind::kMembers:
      decoded = add_members(out, record, options.show_values);
      break;
    case Kind::kSession:
      out["session"] = session_json(record, now, options.show_values);
      break;
    case Kind::kBytes:
      if (options.show_values) add_value(out, record);
  }
  if (!decoded) return damaged(decoded, options);
  print(out.dump(2) + "\n");
  return kExitOk;
}

// --- for people -------------------------------------------------------------------------------

// On one line where it fits, else indented below its name.
void print_field(const Field& field) {
  const std::string name = paint(stdout, Colour::kBold, escape(field.name));
  const ValueView view = view_value(field.value);
  if (view.format == "text" || view.format == "empty") {
    print(name + ": " + escape(field.value) + "\n");
  } else if (view.format == "JSON" || view.format == "bytes") {
    print(name + ":\n" + view.text);
  } else {
    print(name + " (" + view.format + "):\n" + view.text);
  }
}

void print_member(std::string_view member, std::optional<double> score) {
  if (score) print(fmt::format("{}  ", *score));
  print(escape(member) + "\n");
}

// What the record holds; nothing when it does not decode.
Result<std::string> content_of(const RecordView& record) {
  const std::string bytes = human_count(record.value.size()) + " bytes";
  std::uint64_t count = 0;
  if (record.kind == Kind::kFields) {
    const Status decoded = decode_fields(record.value, [&](const Field&) { ++count; });
    if (!decoded) return decoded;
    return fmt::format("{} fields, {}", count, bytes);
  }
  if (record.kind == Kind::kMembers) {
    bool sorted = false;
    const Status decoded =
        decode_members(record.value, [&](std::string_view, std::optional<double> score) {
          sorted = score.has_value();
          ++count;
        });
    if (!decoded) return decoded;
    return fmt::format("{} of {} members, {}", sorted ? "sorted set" : "set", count, bytes);
  }
  return record.kind == Kind::kSession ? session_kind(record) + ", " + bytes : bytes;
}

void print_value(const RecordView& record, const ValueView& view) {
  switch (record.kind) {
    case Kind::kBytes:
      print(view.text);
      break;
    case Kind::kFields:  // These two decoded a moment ago.
      (void)decode_fields(record.value, [](const Field& field) { print_field(field); });
      break;
    case Kind::kMembers:
      (void)decode_members(record.value, print_member);
      break;
    case Kind::kSession:
      if (!view.text.empty()) print(view.text);  // it does not decode
      each_attribute(record, [](const Field& field) { print_field(field); });
  }
}

int show_text(const RecordView& record, TimeMs now, const GetOptions& options) {
  const Result<std::string> content = content_of(record);
  if (!content) return damaged(content.status(), options);
  Pairs pairs{
      {"Key", escape(record.key)},
      {"Kind", *content},
      {"Owner", record.owner.empty() ? "-" : escape(record.owner)},
      {"TTL left", ttl_text(record, now)},
      {"Deadline", record.deadline == kNever ? "never" : utc_time(record.deadline) + " UTC"},
      {"Lifetime", record.lifetime == kNever ? "no bound" : utc_time(record.lifetime) + " UTC"},
      {"Created", utc_time(record.created) + " UTC"},
      {"Version", std::to_string(record.version)}};
  if (record.kind == Kind::kSession) {
    for (auto& pair : session_pairs(record, now)) pairs.push_back(std::move(pair));
  }
  ValueView view;
  if (!options.show_values) {
    pairs.push_back({"Value", "not shown; --show-values shows it"});
  } else if (record.kind == Kind::kBytes) {
    view = view_value(record.value);
    pairs.push_back({"Encoding", view.format});
  } else if (record.kind == Kind::kSession) {
    pairs.push_back({"Label", escape(label_of(record))});
    if (session_pairs(record, now).empty()) view.text = hex_dump(record.value);
  }
  print_pairs(pairs);
  if (options.show_values) print_value(record, view);
  return kExitOk;
}

int show(const RecordView& record, TimeMs now, const GetOptions& options) {
  if (dead(record, now) && !options.dead) {
    message("the record " + ttl_text(record, now) + ", the store would answer that it is absent; " +
            "--dead shows it");
    return kExitFindings;
  }
  if (options.raw) return show_raw(record);
  return options.json ? show_json(record, now, options) : show_text(record, now, options);
}

}  // namespace

int run_get(const GetOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  int code = kExitOk;
  const auto show_it = [&](const RecordView& record) {
    code = show(record, reader->info().now, options);
  };
  // The key as its bytes, or else in the escaped form that ls prints.
  Status got = reader->get(options.key, show_it);
  if (got.code() == StatusCode::kNotFound) {
    if (const auto bytes = unescape(options.key); bytes && *bytes != options.key) {
      got = reader->get(*bytes, show_it);
    }
  }
  if (got) return code;
  if (got.code() == StatusCode::kCorruption) return damaged(got, options);
  if (got.code() != StatusCode::kNotFound) {
    message(text_of(got));
    return kExitCannotOpen;
  }
  message("no record with key " + escape(options.key) + " in " + options.dir + "; `cloakroom ls " +
          options.dir + "` lists the keys");
  return kExitFindings;
}

}  // namespace cloakroom::cli
