// Stands in for ankerl::unordered_dense, which Debian does not package: the worker uses only what the standard
// containers offer too, and those keep references valid where the dense ones do not.
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>

namespace ankerl::unordered_dense
{
	template<typename T>
	using hash = std::hash<T>;

	template<typename Key, typename Value, typename Hash = std::hash<Key>>
	using map = std::unordered_map<Key, Value, Hash>;

	template<typename Key, typename Hash = std::hash<Key>>
	using set = std::unordered_set<Key, Hash>;
} // namespace ankerl::unordered_dense
