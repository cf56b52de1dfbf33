// The part of android.content.pm that the samples call.

package android.content.pm

class FeatureInfo(val name: String?)

class PackageManager(val systemAvailableFeatures: Array<FeatureInfo>)
