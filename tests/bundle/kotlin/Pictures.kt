// Decodes PNG files where Android's bitmaps are missing: in place of the sample's Pictures.kt.

package com.example.bundle

import java.io.ByteArrayInputStream
import javax.imageio.ImageIO

fun decodePicture(file: ByteArray): Picture {
    val image = ImageIO.read(ByteArrayInputStream(file))
    val raster = image.raster // as stored: getRGB() would convert gray through a color space
    val argb = IntArray(image.width * image.height) { place ->
        val samples = raster.getPixel(place % image.width, place / image.width, null as IntArray?)
        val (red, green, blue) = if (samples.size < 3) List(3) { samples[0] } else samples.take(3)
        (255 shl 24) or (red shl 16) or (green shl 8) or blue
    }
    return Picture(image.width, image.height, argb)
}
