// SPDX-License-Identifier: BSL-1.0
#include "csv_tokenizer.hpp"

#include "record.hpp"

#include <csv.h>

#include <new>

namespace roomctl {

// libcsv's parser, and what it told in the last call.
class csv_tokenizer::parser
{
public:
    parser()
    {
        if (csv_init(&state_, CSV_STRICT | CSV_STRICT_FINI) != 0) throw std::bad_alloc();
        csv_set_blk_size(&state_, 4096);
        csv_set_space_func(&state_, [](unsigned char) { return 0; }); // blanks belong to the fields
    }
    parser(const parser&) = delete;
    parser& operator=(const parser&) = delete;
    ~parser() { csv_free(&state_); }

    // At most one field may end in these bytes. Returns how many were taken: all, if they are well-formed.
    std::size_t take(std::string_view bytes)
    {
        field_ended_ = row_ended_ = false;
        const std::size_t n = csv_parse(&state_, bytes.data(), bytes.size(), on_field, on_row, this);
        if (n != bytes.size() && csv_error(&state_) != CSV_EPARSE) throw std::bad_alloc();
        return n;
    }

    bool finish()
    {
        field_ended_ = row_ended_ = false;
        return csv_fini(&state_, on_field, on_row, this) == 0;
    }

    bool in_quotes() const noexcept { return state_.quoted != 0; }
    bool field_ended() const noexcept { return field_ended_; }
    bool row_ended() const noexcept { return row_ended_; }
    std::string_view field() const noexcept { return field_; }

private:
    // Called by code that no exception may pass through.
    static void on_field(void* text, std::size_t size, void* self) noexcept
    {
        auto& p = *static_cast<parser*>(self);
        p.field_ = {static_cast<const char*>(text), size};
        p.field_ended_ = true;
    }
    static void on_row(int, void* self) noexcept { static_cast<parser*>(self)->row_ended_ = true; }

    csv_parser state_{};
    std::string_view field_;
    bool field_ended_ = false;
    bool row_ended_ = false;
};

csv_tokenizer::csv_tokenizer(byte_source& from) : from_(from), parser_(std::make_unique<parser>()) {}

csv_tokenizer::~csv_tokenizer() = default;

std::string_view csv_tokenizer::text() const noexcept { return parser_->field(); }

csv_event csv_tokenizer::next()
{
    if (row_end_follows_) {
        row_end_follows_ = false;
        in_row_ = false;
        return csv_event::row_end;
    }
    while (!ended_) {
        if (rest_.empty()) rest_ = from_.next();
        if (rest_.empty()) return finish();
        if (const csv_event e = feed(); e != csv_event::end) return e;
    }
    return csv_event::end;
}

// As much as can end one field, which libcsv cannot be asked the place of: up to the next separator or line
// end, be it within quotes or not.
csv_event csv_tokenizer::feed()
{
    const std::size_t end = rest_.find_first_of(",\r\n");
    const std::string_view piece = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
    const char last = piece.back();
    const bool line_end = last == '\r' || last == '\n';
    const bool empty_line = !in_row_ && piece.size() == 1 && line_end;
    if (!in_row_ && !empty_line) {
        in_row_ = true;
        row_start_ = offset_;
        field_at_ = here();
    }

    const std::size_t used = parser_->take(piece);
    rest_.remove_prefix(used);
    offset_ += used;
    if (used != piece.size()) return break_row(here());

    const position field_at = field_at_;
    if (line_end) count_line_end(last, empty_line || parser_->row_ended());
    if (in_row_ && offset_ - row_start_ > max_record_size)
        return give_up(field_at, "a row of more than 1 MiB; is a quote not closed?");
    if (!parser_->field_ended()) return csv_event::end;
    row_end_follows_ = parser_->row_ended();
    field_at_ = here();
    at_ = field_at;
    return csv_event::field;
}

csv_event csv_tokenizer::finish()
{
    ended_ = true;
    if (!parser_->finish()) return give_up(field_at_, "a quote that is not closed");
    if (!parser_->field_ended()) return csv_event::end;
    row_end_follows_ = true;
    at_ = field_at_;
    return csv_event::field;
}

csv_event csv_tokenizer::break_row(const position& at)
{
    at_ = at;
    rule_ = parser_->in_quotes() ? "text after the closing quote; a quote within quotes is doubled"
                                 : "a quote within a field that has none around it";
    parser_ = std::make_unique<parser>();
    in_row_ = false;
    skip_line();
    return csv_event::broken;
}

csv_event csv_tokenizer::give_up(const position& at, const char* rule)
{
    at_ = at;
    rule_ = rule;
    ended_ = true;
    return csv_event::given_up;
}

void csv_tokenizer::skip_line()
{
    while (true) {
        if (rest_.empty()) rest_ = from_.next();
        if (rest_.empty()) return;
        const std::size_t end = rest_.find('\n');
        const std::size_t size = end == std::string_view::npos ? rest_.size() : end + 1;
        rest_.remove_prefix(size);
        offset_ += size;
        if (end == std::string_view::npos) continue;
        count_line_end('\n', true);
        return;
    }
}

// A CR ends a line where it ends a row. Within quotes LF alone does, or with a CR before it.
void csv_tokenizer::count_line_end(char c, bool between_fields) noexcept
{
    if (c == '\r' && !between_fields) return;
    const bool second_half = c == '\n' && after_cr_ && line_start_ + 1 == offset_;
    if (!second_half) ++line_;
    line_start_ = offset_;
    after_cr_ = c == '\r';
}

} // namespace roomctl
