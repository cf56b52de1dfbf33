// The part of android.util that the test of a bundle calls.

package android.util

object Base64 {
    const val DEFAULT = 0

    fun decode(text: String?, flags: Int): ByteArray {
        require(flags == DEFAULT)
        return java.util.Base64.getMimeDecoder().decode(text)
    }
}
