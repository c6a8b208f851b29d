// SPDX-License-Identifier: BSL-1.0
// This program's operator new, which fails when the test says so, and its operator delete and free, which
// look for secrets that were left behind.
#include "support/allocation_gate.hpp"
#include "support/freed_memory.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

#ifndef WATCHERS_ROOMS_TEST_ALLOCATIONS_CANNOT_FAIL

void* operator new(std::size_t size)
{
    if (!watchers::rooms::test::allocation_gate::allow()) throw std::bad_alloc();
    if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
    throw std::bad_alloc();
}

void* operator new[](std::size_t size) { return ::operator new(size); }

namespace {

void* allocate_aligned(std::size_t size, std::size_t alignment) noexcept
{
    void* p = nullptr;
    return ::posix_memalign(&p, alignment, size == 0 ? alignment : size) == 0 ? p : nullptr;
}

} // namespace

// Asio's memory for operations, those of post() among them, comes from here.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    return watchers::rooms::test::allocation_gate::allow() ? allocate_aligned(size, alignment) : nullptr;
}

void* operator new(std::size_t size, std::align_val_t alignment)
{
    if (!watchers::rooms::test::allocation_gate::allow()) throw std::bad_alloc();
    if (void* p = allocate_aligned(size, static_cast<std::size_t>(alignment))) return p;
    throw std::bad_alloc();
}

void* operator new[](std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }

// Sanitizers bring their own, which do not ask the one above.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept
{
    try {
        return ::operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void* operator new[](std::size_t size, const std::nothrow_t&) noexcept
{
    return ::operator new(size, std::nothrow);
}

// Asio's memory for operations and OpenSSL's go without operator delete. Sanitizers have a free() of their
// own.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#if defined(__has_feature)
#if !__has_feature(address_sanitizer)
#define WATCHERS_ROOMS_TEST_FREE_IS_OURS
#endif
#else
#define WATCHERS_ROOMS_TEST_FREE_IS_OURS
#endif
#endif

#ifdef WATCHERS_ROOMS_TEST_FREE_IS_OURS

extern "C" void __libc_free(void*);
extern "C" void free(void* p) noexcept
{
    watchers::rooms::test::freed_memory::look(p);
    __libc_free(p);
}

static void give_back(void* p) noexcept { std::free(p); }

#else

static void give_back(void* p) noexcept
{
    watchers::rooms::test::freed_memory::look(p);
    std::free(p);
}

#endif

void operator delete(void* p) noexcept { give_back(p); }
void operator delete[](void* p) noexcept { give_back(p); }
void operator delete(void* p, std::size_t) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t) noexcept { give_back(p); }
void operator delete(void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { give_back(p); }

#endif
