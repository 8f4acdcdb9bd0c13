// cloakroom get: one record. Its value is shown only when asked for.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "exit_codes.h"
#include "look/look.h"
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
  if (record.kind == Kind::kFields) {
    message("the record holds fields, which have no bytes of their own; use --show-values --json");
    return kExitUsage;
  }
  print(record.value);
  return kExitOk;
}

int show_json(const RecordView& record, TimeMs now, const GetOptions& options) {
  Json out = record_json(record, now);
  if (options.show_values && record.kind != Kind::kFields) {
    out["value"] = bytes_json(record.value);
  } else if (record.kind == Kind::kFields) {
    Json fields = Json::array();
    const Status decoded = decode_fields(record.value, [&](const Field& field) {
      fields.push_back({{"name", bytes_json(field.name)}, {"value", bytes_json(field.value)}});
    });
    if (!decoded) return damaged(decoded, options);
    out["field_count"] = fields.size();
    if (options.show_values) out["fields"] = std::move(fields);
  }
  print(out.dump(2) + "\n");
  return kExitOk;
}

// A field on one line where it fits, else indented below its name.
void print_field(const Field& field) {
  const std::string name = paint(stdout, Colour::kBold, escape(field.name));
  if (is_json(field.value)) {
    print(name + ":\n" + pretty_json(field.value) + "\n");
  } else if (is_utf8(field.value)) {
    print(name + ": " + escape(field.value) + "\n");
  } else {
    print(name + ":\n" + hex_dump(field.value));
  }
}

int show_text(const RecordView& record, TimeMs now, const GetOptions& options) {
  std::uint64_t fields = 0;
  if (record.kind == Kind::kFields) {
    const Status decoded = decode_fields(record.value, [&](const Field&) { ++fields; });
    if (!decoded) return damaged(decoded, options);
  }
  const std::string bytes = human_count(record.value.size()) + " bytes";
  print_pairs({
      {"Key", escape(record.key)},
      {"Kind", record.kind == Kind::kFields ? fmt::format("{} fields, {}", fields, bytes) : bytes},
      {"Owner", record.owner.empty() ? "-" : escape(record.owner)},
      {"TTL left", ttl_text(record, now)},
      {"Deadline", record.deadline == kNever ? "never" : utc_time(record.deadline) + " UTC"},
      {"Lifetime", record.lifetime == kNever ? "no bound" : utc_time(record.lifetime) + " UTC"},
      {"Created", utc_time(record.created) + " UTC"},
      {"Version", std::to_string(record.version)},
      {"Value", options.show_values ? "" : "not shown; --show-values shows it"},
  });
  if (!options.show_values) return kExitOk;
  if (record.kind == Kind::kBytes) {
    print(pretty_value(record.value));
    return kExitOk;
  }
  // It decoded a moment ago.
  (void)decode_fields(record.value, [](const Field& field) { print_field(field); });
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
