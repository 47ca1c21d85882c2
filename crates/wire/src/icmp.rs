//! ICMP (RFC 792) and ICMPv6 (RFC 4443) errors about TCP segments.
