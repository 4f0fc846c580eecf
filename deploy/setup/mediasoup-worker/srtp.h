// Offers the part of libsrtp 3's interface that the worker calls (opaque policies, separate input and output buffers)
// on top of libsrtp 2, which is what distributions package. Overloads keep libsrtp 2's own functions callable.
#pragma once

// libsrtp 2's policy is a public struct of the name that libsrtp 3 gives to its opaque pointer.
#define srtp_policy_t srtp2_policy_t
#include <srtp2/srtp.h>
#undef srtp_policy_t

#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

// Error codes of libsrtp 3 that libsrtp 2 lacks; macros, so that a later libsrtp 2 may have them as enumerators.
#define srtp_err_status_buffer_small static_cast<srtp_err_status_t>(28)
#define srtp_err_status_cryptex_err static_cast<srtp_err_status_t>(29)

struct srtp_policy_object
{
	srtp2_policy_t policy{};
	// Master key and salt, one after the other, as libsrtp 2 wants them; `policy.key` points here.
	uint8_t key[SRTP_MAX_KEY_LEN]{};
};
using srtp_policy_t = srtp_policy_object*;

inline srtp_err_status_t srtp_policy_create(srtp_policy_t* policy)
{
	*policy = new (std::nothrow) srtp_policy_object;
	if (*policy == nullptr)
	{
		return srtp_err_status_alloc_fail;
	}
	(*policy)->policy.key = (*policy)->key;
	return srtp_err_status_ok;
}

inline void srtp_policy_destroy(srtp_policy_t policy)
{
	// Through a volatile pointer, so that the wiping of key material is not optimised away.
	volatile uint8_t* key = policy->key;
	for (size_t i = 0; i < sizeof(policy->key); ++i)
	{
		key[i] = 0;
	}
	delete policy;
}

inline srtp_err_status_t srtp_policy_set_ssrc(srtp_policy_t policy, srtp_ssrc_t ssrc)
{
	policy->policy.ssrc = ssrc;
	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_profile(srtp_policy_t policy, srtp_profile_t profile)
{
	const srtp_err_status_t err = srtp_crypto_policy_set_from_profile_for_rtp(&policy->policy.rtp, profile);
	return err != srtp_err_status_ok
	         ? err
	         : srtp_crypto_policy_set_from_profile_for_rtcp(&policy->policy.rtcp, profile);
}

inline srtp_err_status_t srtp_policy_add_key(
  srtp_policy_t policy,
  const uint8_t* key,
  size_t key_len,
  const uint8_t* salt,
  size_t salt_len,
  const uint8_t* /*mki*/,
  size_t mki_len)
{
	if (mki_len != 0 || key_len + salt_len > sizeof(policy->key))
	{
		return srtp_err_status_bad_param;
	}
	std::memcpy(policy->key, key, key_len);
	std::memcpy(policy->key + key_len, salt, salt_len);
	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_allow_repeat_tx(srtp_policy_t policy, bool allow)
{
	policy->policy.allow_repeat_tx = allow ? 1 : 0;
	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_window_size(srtp_policy_t policy, size_t size)
{
	policy->policy.window_size = size;
	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_create(srtp_t* session, srtp_policy_t policy)
{
	return srtp_create(session, &policy->policy);
}

inline srtp_err_status_t srtp_stream_remove(srtp_t session, uint32_t ssrc)
{
	return srtp_remove_stream(session, ssrc);
}

// Runs one of libsrtp 2's in-place transforms from `in` to `out`, which may be the same memory.
// `grown_max` is the most octets the transform may add.
inline srtp_err_status_t srtp2_transform(
  srtp_err_status_t (*transform)(srtp_t, void*, int*),
  srtp_t session,
  const uint8_t* in,
  size_t in_len,
  uint8_t* out,
  size_t* out_len,
  size_t grown_max)
{
	if (in_len > static_cast<size_t>(INT_MAX) - grown_max || in_len + grown_max > *out_len)
	{
		return srtp_err_status_buffer_small;
	}
	if (in != out)
	{
		std::memmove(out, in, in_len);
	}
	int len                     = static_cast<int>(in_len);
	const srtp_err_status_t err = transform(session, out, &len);
	if (err == srtp_err_status_ok)
	{
		*out_len = static_cast<size_t>(len);
	}
	return err;
}

inline srtp_err_status_t srtp_protect(
  srtp_t session, const uint8_t* rtp, size_t rtp_len, uint8_t* srtp, size_t* srtp_len, size_t /*mki_index*/)
{
	return srtp2_transform(&srtp_protect, session, rtp, rtp_len, srtp, srtp_len, SRTP_MAX_TRAILER_LEN);
}

inline srtp_err_status_t srtp_protect_rtcp(
  srtp_t session, const uint8_t* rtcp, size_t rtcp_len, uint8_t* srtcp, size_t* srtcp_len, size_t /*mki_index*/)
{
	// SRTCP adds its 4-octet index to the trailer of SRTP.
	return srtp2_transform(&srtp_protect_rtcp, session, rtcp, rtcp_len, srtcp, srtcp_len, SRTP_MAX_TRAILER_LEN + 4);
}

inline srtp_err_status_t srtp_unprotect(
  srtp_t session, const uint8_t* srtp, size_t srtp_len, uint8_t* rtp, size_t* rtp_len)
{
	return srtp2_transform(&srtp_unprotect, session, srtp, srtp_len, rtp, rtp_len, 0);
}

inline srtp_err_status_t srtp_unprotect_rtcp(
  srtp_t session, const uint8_t* srtcp, size_t srtcp_len, uint8_t* rtcp, size_t* rtcp_len)
{
	return srtp2_transform(&srtp_unprotect_rtcp, session, srtcp, srtcp_len, rtcp, rtcp_len, 0);
}
