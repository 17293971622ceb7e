"""What a voucher's format consists of: how it is signed, and how its leaves are written."""

import cms
import cose
import jws
import voucher_cbor
import voucher_json

FORMATS = {"cms": (cms, voucher_json), "jws": (jws, voucher_json), "cose": (cose, voucher_cbor)}
