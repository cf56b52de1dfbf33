// The part of android.os that the samples call.

package android.os

object Build {
    object VERSION {
        val SDK_INT = 36
    }

    val BRAND = "google"
    val DEVICE = "shiba"
    val SOC_MODEL = "Tensor G3"
}
