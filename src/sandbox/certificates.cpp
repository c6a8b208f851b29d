// SPDX-License-Identifier: BSL-1.0
#include "certificates.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace watchers::rooms::sandbox::detail {
namespace {

template <auto Free>
struct freed_by
{
    template <class T>
    void operator()(T* p) const
    {
        Free(p);
    }
};

using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using number_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;

constexpr long day = 24L * 60 * 60;
constexpr int weak_bits = 768;

[[noreturn]] void fail(const char* what)
{
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    char text[256] = "";
    ERR_error_string_n(code, text, sizeof text);
    throw std::runtime_error(std::string("sandbox certificate: ") + what + ": " + text);
}

void require(bool good, const char* what)
{
    if (!good) fail(what);
}

key_ptr ec_key()
{
    key_ptr key(EVP_EC_gen("P-256"));
    require(key != nullptr, "P-256 key");
    return key;
}

key_ptr weak_key()
{
    key_ptr key(EVP_RSA_gen(weak_bits));
    require(key != nullptr, "RSA key");
    return key;
}

/// A certificate and its key, able to sign others.
struct holder
{
    holder(key_ptr k, certificate_ptr c) : key(std::move(k)), certificate(std::move(c)) {}

    key_ptr key;
    certificate_ptr certificate;
};

struct wanted
{
    wanted() {}

    const char* common_name = "localhost";
    bool ca = false;
    std::string names; ///< subjectAltName, empty for none
    long not_before = -day;
    long not_after = 365 * day;
};

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    require(extension != nullptr, value.c_str());
    require(X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

void set_serial(X509* certificate)
{
    const number_ptr number(BN_new());
    require(number != nullptr && BN_rand(number.get(), 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1,
            "serial");
    require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr, "serial");
}

/// Without an issuer the certificate signs itself.
holder issue(const wanted& w, key_ptr key, const holder* issuer)
{
    certificate_ptr certificate(X509_new());
    require(certificate != nullptr, "certificate");
    X509* const x = certificate.get();
    X509* const signer = issuer != nullptr ? issuer->certificate.get() : x;
    EVP_PKEY* const signing_key = issuer != nullptr ? issuer->key.get() : key.get();

    require(X509_set_version(x, X509_VERSION_3) == 1, "version");
    set_serial(x);
    require(X509_gmtime_adj(X509_getm_notBefore(x), w.not_before) != nullptr, "notBefore");
    require(X509_gmtime_adj(X509_getm_notAfter(x), w.not_after) != nullptr, "notAfter");
    require(X509_set_pubkey(x, key.get()) == 1, "public key");
    X509_NAME* const name = X509_get_subject_name(x);
    const auto* const text = reinterpret_cast<const unsigned char*>(w.common_name);
    require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1, "subject");
    require(X509_set_issuer_name(x, X509_get_subject_name(signer)) == 1, "issuer");

    add_extension(x, signer, NID_basic_constraints, w.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(x, signer, NID_key_usage,
                  w.ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    add_extension(x, signer, NID_subject_key_identifier, "hash");
    add_extension(x, signer, NID_authority_key_identifier, "keyid");
    if (!w.ca) add_extension(x, signer, NID_ext_key_usage, "serverAuth");
    if (!w.names.empty()) add_extension(x, signer, NID_subject_alt_name, w.names);

    require(X509_sign(x, signing_key, EVP_sha256()) > 0, "signature");
    return holder(std::move(key), std::move(certificate));
}

holder make_ca(const char* common_name, const holder* issuer)
{
    wanted w;
    w.common_name = common_name;
    w.ca = true;
    w.not_after = 10 * 365 * day;
    return issue(w, ec_key(), issuer);
}

std::string contents(const bio_ptr& bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

std::string pem(X509* certificate)
{
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    require(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM");
    return contents(bio);
}

std::string pem(EVP_PKEY* key)
{
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    require(bio != nullptr &&
                PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
            "PEM");
    return contents(bio);
}

std::string all_names(certificate_kind kind, const std::vector<std::string>& names)
{
    if (kind == certificate_kind::wrong_host) return "DNS:wrong.example";
    std::string result = "DNS:localhost,IP:127.0.0.1,IP:::1";
    for (const std::string& name : names)
        result += ',' + name;
    return result;
}

} // namespace

identity make_identity(certificate_kind kind, const std::vector<std::string>& names)
{
    constexpr const char* ca_name = "Rooms sandbox CA";
    const holder ca = make_ca(ca_name, nullptr);

    wanted w;
    w.names = all_names(kind, names);
    if (kind == certificate_kind::wrong_host) w.common_name = "wrong.example";
    if (kind == certificate_kind::expired) {
        w.not_before = -30 * day;
        w.not_after = -day;
    }
    if (kind == certificate_kind::not_yet_valid) w.not_before = day;

    const bool by_intermediate = kind == certificate_kind::incomplete_chain;
    const bool by_other = kind == certificate_kind::unknown_ca;
    const bool by_itself = kind == certificate_kind::self_signed;
    std::optional<holder> between;
    if (by_intermediate) between.emplace(make_ca("Rooms sandbox intermediate CA", &ca));
    if (by_other) between.emplace(make_ca(ca_name, nullptr));
    const holder* const signer = by_itself ? nullptr : between ? &*between : &ca;
    const holder leaf = issue(w, kind == certificate_kind::weak_key ? weak_key() : ec_key(), signer);

    identity result;
    result.ca = pem(ca.certificate.get());
    result.chain = pem(leaf.certificate.get());
    result.key = pem(leaf.key.get());
    return result;
}

} // namespace watchers::rooms::sandbox::detail
