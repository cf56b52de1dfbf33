// The part of Android's graphics that the samples call, on a desktop.

package android.graphics

import java.awt.image.Raster
import java.io.ByteArrayInputStream
import javax.imageio.ImageIO

/** A picture as it is stored: a color space would change grey. */
class Bitmap internal constructor(private val raster: Raster) {
    val width: Int = raster.width
    val height: Int = raster.height

    @Suppress("LongParameterList")
    fun getPixels(pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int) {
        for (place in 0 until width * height) {
            val (row, column) = Pair(place / width, place % width)
            val samples = raster.getPixel(x + column, y + row, null as IntArray?)
            val (red, green, blue) = if (samples.size < 3) List(3) { samples[0] } else samples.take(3)
            pixels[offset + row * stride + column] = (255 shl 24) or (red shl 16) or (green shl 8) or blue
        }
    }
}

object BitmapFactory {
    class Options {
        var inScaled = true
    }

    fun decodeByteArray(data: ByteArray, offset: Int, length: Int, options: Options): Bitmap {
        require(!options.inScaled)
        return Bitmap(ImageIO.read(ByteArrayInputStream(data, offset, length)).raster)
    }
}
