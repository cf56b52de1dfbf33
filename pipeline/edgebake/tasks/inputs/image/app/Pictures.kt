// Pictures from Android's bitmaps and from files.

package com.example.bundle

import android.graphics.Bitmap
import android.graphics.BitmapFactory

/** Classifies a bitmap in memory: not one with Bitmap.Config.HARDWARE. */
suspend fun Classifier.classify(bitmap: Bitmap): List<Answer> = classify(picture(bitmap))

/** Returns the pixels of a bitmap. */
fun picture(bitmap: Bitmap): Picture {
    val argb = IntArray(bitmap.width * bitmap.height)
    bitmap.getPixels(argb, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
    return Picture(bitmap.width, bitmap.height, argb)
}

/** Decodes an image file without scaling it to the screen. */
fun decodePicture(file: ByteArray): Picture {
    val options = BitmapFactory.Options().apply { inScaled = false }
    return picture(BitmapFactory.decodeByteArray(file, 0, file.size, options))
}
