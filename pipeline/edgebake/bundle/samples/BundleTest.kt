// Put it into src/androidTest. It runs on a device or an emulator, because the runtimes do.

package com.example.bundle

import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.io.File
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class BundleTest {
    private val context = InstrumentationRegistry.getInstrumentation().targetContext
    private val device = AndroidDevice(context)
    private lateinit var bundle: ModelBundle

    @Before
    fun unpack() {
        val folder = File(context.cacheDir, "bundle")
        folder.deleteRecursively()
        ModelBundle.unpack(context.assets.open("@PLATFORM@.zip"), folder)
        // <encrypted>
        // The key as base64, for tests alone; an app gets it from its key service.
        val words = InstrumentationRegistry.getArguments()
        val key = android.util.Base64.decode(words.getString("key"), android.util.Base64.DEFAULT)
        bundle = ModelBundle(folder, key, context.cacheDir)
        // </encrypted>
        // <plain>
        bundle = ModelBundle(folder)
        // </plain>
    }

    @Test
    fun everyModelAnswersItsGoldenVectorsOnTheCpu() {
        for (target in bundle.targets) {
            Classifier.load(device, bundle, Choice(target, "cpu")).use { session ->
                assertNull(target.name, departure(bundle, target, session))
            }
        }
    }

    @Test
    fun thisDeviceFindsAModelThatWorks() {
        runBlocking {
            Classifier.open(device, bundle).use { assertTrue(it.choice.target in bundle.targets) }
        }
    }
}
