"""Tink's own AES256_GCM_HKDF_1MB under a key of ours: what ours is held against."""

import base64
import io
import json
from functools import cache
from typing import Any

# It brings no types.
from tink import json_proto_keyset_format, new_keyset_handle, secret_key_access, streaming_aead  # type: ignore[import-untyped]
from tink.proto import aes_gcm_hkdf_streaming_pb2  # type: ignore[import-untyped]


class _Kept(io.BytesIO):
    """What Tink writes to; it closes its target, and the content would be gone."""

    def close(self) -> None:
        pass


@cache
def _primitive(key: bytes) -> Any:
    streaming_aead.register()
    handle = new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)
    keyset = json.loads(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
    data = keyset["key"][0]["keyData"]
    message = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey.FromString(
        base64.b64decode(data["value"])
    )
    message.key_value = key
    data["value"] = base64.b64encode(message.SerializeToString()).decode()
    ours = json_proto_keyset_format.parse(json.dumps(keyset), secret_key_access.TOKEN)
    return ours.primitive(streaming_aead.StreamingAead)


def encrypted(data: bytes, key: bytes, associated: bytes) -> bytes:
    """Return a file as Tink encrypts it."""
    target = _Kept()
    with _primitive(key).new_encrypting_stream(target, associated) as stream:
        stream.write(data)
    return target.getvalue()


def decrypted(content: bytes, key: bytes, associated: bytes) -> bytes:
    """Return what Tink reads out of an encrypted file."""
    with _primitive(key).new_decrypting_stream(io.BytesIO(content), associated) as stream:
        plain: bytes = stream.read()
    return plain
