// Decrypts files in Tink's format AES256_GCM_HKDF_1MB, in which the models of this bundle are encrypted.
// Source: https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming

import CryptoKit
import Foundation

private let segmentSize = 1 << 20
private let headerSize = 40
private let tagSize = 16

/// Decrypts a file.
///
/// - Parameter associated: associated data, name/version/platform/path.
/// - Throws: the file was changed or truncated, is another file, or has another key.
func decrypted(_ file: Data, key: SymmetricKey, associated: String) throws -> Data {
    let bytes = [UInt8](file)
    guard bytes.count >= headerSize + tagSize, bytes[0] == headerSize else {
        throw BundleError("not an encrypted file: its header is missing")
    }
    let fileKey = HKDF<SHA256>.deriveKey(
        inputKeyMaterial: key, salt: bytes[1..<33], info: Data(associated.utf8), outputByteCount: 32)
    var plain = Data()
    var (start, number) = (headerSize, UInt32(0))
    while true {
        let end = min((Int(number) + 1) * segmentSize, bytes.count)
        let isLast = end == bytes.count
        guard end - start >= tagSize else {
            throw BundleError("segment \(number): cut")
        }
        // The nonce marks the last segment, so that a file truncated between two segments is detected.
        let counter = withUnsafeBytes(of: number.bigEndian) { Array($0) }
        let nonce = try AES.GCM.Nonce(data: bytes[33..<headerSize] + counter + [isLast ? 1 : 0])
        let box = try AES.GCM.SealedBox(
            nonce: nonce, ciphertext: bytes[start..<end - tagSize], tag: bytes[end - tagSize..<end])
        plain += try AES.GCM.open(box, using: fileKey)
        if isLast {
            return plain
        }
        (start, number) = (end, number + 1)
    }
}
