// Put the unpacked bundle into the test target's resources, as a folder reference named `bundle`.

import CryptoKit
import XCTest

final class BundleTests: XCTestCase {
    private func bundle() throws -> ModelBundle {
        let found = Bundle(for: BundleTests.self).url(forResource: "bundle", withExtension: nil)
        let folder = try XCTUnwrap(found, "no folder reference by the name of bundle")
        // <encrypted>
        // The key as base64, for tests alone; an app gets it from its key service.
        let text = try XCTUnwrap(ProcessInfo.processInfo.environment["BUNDLE_KEY"])
        return try ModelBundle(folder: folder, key: SymmetricKey(data: XCTUnwrap(Data(base64Encoded: text))))
        // </encrypted>
        // <plain>
        return try ModelBundle(folder: folder)
        // </plain>
    }

    func testEveryModelAnswersItsGoldenVectorsOnTheCpu() async throws {
        let opened = try bundle()
        for target in opened.targets {
            let session = try await Classifier.load(opened, Choice(target: target, accelerator: "cpu"))
            let found = try await departure(opened, target, session)
            XCTAssertNil(found, target.name)
        }
    }

    func testThisDeviceFindsAModelThatWorks() async throws {
        let classifier = try await Classifier.open(bundle())
        XCTAssertFalse(classifier.choice.target.words.labels.isEmpty)
    }
}
