// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace watchers::rooms::detail {

// Boost.Intrusive would do the same, at a second of compile time in header-only mode.
template <class Tag>
class list_hook
{
public:
    list_hook() = default;
    list_hook(const list_hook&) = delete;
    list_hook& operator=(const list_hook&) = delete;

    bool linked() const noexcept { return next_ != nullptr; }

private:
    template <class T, class U>
    friend class intrusive_list;
    list_hook* next_ = nullptr;
    list_hook* previous_ = nullptr;
};

// A doubly linked list of objects that derive from list_hook<Tag>; it owns nothing.
template <class T, class Tag>
class intrusive_list
{
public:
    intrusive_list() noexcept { clear(); }
    intrusive_list(const intrusive_list&) = delete;
    intrusive_list& operator=(const intrusive_list&) = delete;

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    T& front() noexcept { return *static_cast<T*>(head_.next_); }
    T& back() noexcept { return *static_cast<T*>(head_.previous_); }

    // The one behind, or null at the list's end.
    T* next(T& t) noexcept
    {
        list_hook<Tag>* const n = hook(t).next_;
        return n == &head_ ? nullptr : static_cast<T*>(n);
    }

    void push_front(T& t) noexcept { insert(hook(t), head_, *head_.next_); }
    void push_back(T& t) noexcept { insert(hook(t), *head_.previous_, head_); }

    T& pop_front() noexcept { return take(front()); }
    T& pop_back() noexcept { return take(back()); }

    void erase(T& t) noexcept { take(t); }

private:
    static list_hook<Tag>& hook(T& t) noexcept { return t; }

    void clear() noexcept
    {
        head_.next_ = &head_;
        head_.previous_ = &head_;
    }

    void insert(list_hook<Tag>& h, list_hook<Tag>& before, list_hook<Tag>& after) noexcept
    {
        h.previous_ = &before;
        h.next_ = &after;
        before.next_ = &h;
        after.previous_ = &h;
        ++size_;
    }

    T& take(T& t) noexcept
    {
        list_hook<Tag>& h = hook(t);
        h.previous_->next_ = h.next_;
        h.next_->previous_ = h.previous_;
        h.next_ = nullptr;
        h.previous_ = nullptr;
        --size_;
        return t;
    }

    list_hook<Tag> head_;
    std::size_t size_ = 0;
};

} // namespace watchers::rooms::detail
