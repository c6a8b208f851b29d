// SPDX-License-Identifier: BSL-1.0
#pragma once

// TLS records that OpenSSL does not write: those without data.

#include "tls_machine.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace tls_machine {

using bytes = std::basic_string<unsigned char>;

// RFC 8446, 7.1: HKDF-Expand-Label with SHA-256, for at most one block.
inline bytes expand_label(const bytes& secret, std::string_view label, unsigned char size)
{
    bytes info{0, size, static_cast<unsigned char>(6 + label.size())};
    for (const char c : "tls13 " + std::string(label))
        info += static_cast<unsigned char>(c);
    info += {0, 1}; // no context; the first block
    std::array<unsigned char, EVP_MAX_MD_SIZE> block{};
    unsigned length = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), info.data(), info.size(), block.data(),
         &length);
    return bytes(block.data(), size);
}

// Writes in the server's place, with the keys of its first records of data. The server must have sent none
// with them, and sends none afterwards: no session tickets.
class forger
{
public:
    explicit forger(const peer& server)
        : key_(expand_label(decode(server.secret()), "key", 16))
        , iv_(expand_label(decode(server.secret()), "iv", 12))
    {}

    // A record of TLS_AES_128_GCM_SHA256
    std::string record_of(std::string_view data)
    {
        std::string plain(data);
        plain += '\x17'; // application data
        const auto size = static_cast<unsigned char>(plain.size() + 16);
        std::string out{'\x17', '\x03', '\x03', '\0', static_cast<char>(size)};
        bytes nonce = iv_;
        nonce.back() ^= sequence_++;
        const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> c(EVP_CIPHER_CTX_new(),
                                                                                EVP_CIPHER_CTX_free);
        const auto raw = [](const std::string& s) {
            return reinterpret_cast<const unsigned char*>(s.data());
        };
        std::array<unsigned char, 256> sealed{};
        int length = 0;
        EVP_EncryptInit_ex(c.get(), EVP_aes_128_gcm(), nullptr, key_.data(), nonce.data());
        EVP_EncryptUpdate(c.get(), nullptr, &length, raw(out), static_cast<int>(out.size()));
        EVP_EncryptUpdate(c.get(), sealed.data(), &length, raw(plain), static_cast<int>(plain.size()));
        EVP_EncryptFinal_ex(c.get(), sealed.data() + plain.size(), &length);
        EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, 16, sealed.data() + plain.size());
        return out.append(reinterpret_cast<const char*>(sealed.data()), size);
    }

private:
    static bytes decode(const std::string& digits)
    {
        bytes out;
        for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
            out += static_cast<unsigned char>(std::stoi(digits.substr(i, 2), nullptr, 16));
        return out;
    }

    bytes key_;
    bytes iv_;
    unsigned char sequence_ = 0;
};

} // namespace tls_machine
