// Decrypts files in Tink's format AES256_GCM_HKDF_1MB, in which the models of this bundle are encrypted.
// Source: https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming

package com.example.bundle

import java.io.EOFException
import java.io.File
import java.io.InputStream
import java.io.OutputStream
import java.nio.ByteBuffer
import javax.crypto.Cipher
import javax.crypto.Mac
import javax.crypto.spec.GCMParameterSpec
import javax.crypto.spec.SecretKeySpec

private const val SEGMENT = 1 shl 20
private const val HEADER = 40

/**
 * Decrypts a file. Discard what was written if this throws.
 *
 * @param associated associated data: name/version/platform/path.
 */
internal fun decrypt(source: File, target: OutputStream, key: ByteArray, associated: String) {
    source.inputStream().buffered().use { stream ->
        val header = read(stream, HEADER)
        if (header.size != HEADER || header[0].toInt() != HEADER) throw EOFException("$source: no encrypted file")
        val fileKey = SecretKeySpec(hkdf(key, header.copyOfRange(1, 33), associated.toByteArray()), "AES")
        var segment = read(stream, SEGMENT - HEADER)
        var number = 0
        while (true) {
            val following = read(stream, SEGMENT)
            val isLast = following.isEmpty()
            // The nonce marks the last segment, so that a file truncated between two segments is detected.
            val nonce = ByteBuffer.allocate(12).put(header, 33, 7).putInt(number).put(if (isLast) 1 else 0).array()
            val cipher = Cipher.getInstance("AES/GCM/NoPadding")
            cipher.init(Cipher.DECRYPT_MODE, fileKey, GCMParameterSpec(128, nonce))
            target.write(cipher.doFinal(segment))
            if (isLast) return
            segment = following
            number += 1
        }
    }
}

/** HKDF-SHA256 (RFC 5869) with 32 bytes of output, which is one block. */
private fun hkdf(key: ByteArray, salt: ByteArray, info: ByteArray): ByteArray =
    hmac(hmac(salt, key), info + 1)

private fun hmac(key: ByteArray, message: ByteArray): ByteArray {
    val mac = Mac.getInstance("HmacSHA256")
    mac.init(SecretKeySpec(key, "HmacSHA256"))
    return mac.doFinal(message)
}

/** Returns `size` bytes, or fewer at the end of the file. */
private fun read(stream: InputStream, size: Int): ByteArray {
    val buffer = ByteArray(size)
    var filled = 0
    while (filled < size) {
        val count = stream.read(buffer, filled, size - filled)
        if (count < 0) break
        filled += count
    }
    return buffer.copyOf(filled)
}
