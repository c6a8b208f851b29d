// SPDX-License-Identifier: BSL-1.0
#include "digest.hpp"

#include <openssl/evp.h>

#include <stdexcept>

namespace roomctl {

namespace {

void require(int result)
{
    if (result != 1) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

} // namespace

void sha256::release::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

sha256::sha256() : context_(EVP_MD_CTX_new())
{
    require(context_ ? 1 : 0);
    require(EVP_DigestInit_ex2(context_.get(), EVP_sha256(), nullptr));
}

void sha256::update(std::string_view bytes)
{
    require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

digest sha256::finish()
{
    digest result{};
    unsigned size = 0;
    require(EVP_DigestFinal_ex(context_.get(), result.data(), &size));
    require(
        EVP_DigestInit_ex2(context_.get(), nullptr, nullptr)); // the same algorithm, without a search for it
    return result;
}

} // namespace roomctl
