// The part of AndroidX that runs the test of a bundle.

package androidx.test.ext.junit.runners

class AndroidJUnit4
